// Figures and states in words.

export const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export function short(n) {
  if (n < 10_000) return String(n);
  return n < 1e6 ? `${(n / 1e3).toFixed(n < 1e5 ? 1 : 0)}k` : `${(n / 1e6).toFixed(1)}M`;
}

export function duration(seconds) {
  const s = Math.ceil(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} m`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

export const forEver = (rest) => rest.rest_s === null;
export const length = (rest) => (forEver(rest) ? "until you act" : duration(rest.rest_s));
export const level = (rest) => (forEver(rest) ? "act" : "wait");
export const reason = (rest) => rest.reason.replace(/: $/, "");

// Everything of an account that cannot be used now: {who, level, said, why, left}. Those for the operator first.
export function restsOf(account) {
  const found = [];
  const add = (who, rest, what = "") => {
    const left = forEver(rest) ? Infinity : rest.rest_s;
    found.push({ who: who + what, level: level(rest), said: ` rests ${length(rest)}${what}`, subject: who, why: reason(rest), left });
  };
  const classes = (who, rests) => Object.entries(rests).forEach(([name, rest]) => add(who, rest, ` for ${name} calls`));
  if (account.held_by) found.push({ who: "orders", subject: "orders", level: "wait", said: " wait", why: `looking up ${account.held_by} writes that a crash left`, left: Infinity });
  if (account.unknown) found.push({ who: `${account.unknown} writes`, subject: "writes", level: "act", said: " are of unknown outcome", why: "ordergate orders unknown", left: Infinity });
  if (account.rest) add("the account", account.rest);
  classes("the account", account.rest_by_class);
  for (const key of account.keys) {
    if (key.rest) add(`key ${key.key}`, key.rest);
    classes(`key ${key.key}`, key.rest_by_class);
    for (const [address, cell] of Object.entries(key.addresses)) {
      if (cell.refused) add(`key ${key.key} from ${address}`, cell.refused);
    }
  }
  for (const { address, up, rest } of account.addresses) {
    if (!up) found.push({ who: `address ${address}`, subject: `address ${address}`, level: "act", said: " is missing", why: "this host does not have it", left: Infinity });
    else if (rest) add(`address ${address}`, rest);
  }
  return found.sort((a, b) => b.left - a.left || 0);
}
