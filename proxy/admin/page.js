"use strict";
// Asks for api/status every second and shows the answer. What the daemon says becomes text, never markup.

const EVERY_MS = 1000;
const PATIENCE_MS = 3000;
const FIRST_LIMITS = 12;

const at = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

// --- words ---

function short(n) {
  if (n < 10_000) return String(n);
  return n < 1e6 ? `${(n / 1e3).toFixed(n < 1e5 ? 1 : 0)}k` : `${(n / 1e6).toFixed(1)}M`;
}

function duration(seconds) {
  const s = Math.ceil(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} m`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

const forEver = (rest) => rest.rest_s === null;
const length = (rest) => (forEver(rest) ? "until you act" : duration(rest.rest_s));
const level = (rest) => (forEver(rest) ? "act" : "wait");
const reason = (rest) => rest.reason.replace(/: $/, "");

// Everything of an account that cannot be used now: {who, level, said, why, left}. Those for the operator first.
function restsOf(account) {
  const found = [];
  const add = (who, rest, what = "") => {
    const left = forEver(rest) ? Infinity : rest.rest_s;
    found.push({ who: who + what, level: level(rest), said: ` rests ${length(rest)}${what}`, subject: who, why: reason(rest), left });
  };
  const classes = (who, rests) => Object.entries(rests).forEach(([name, rest]) => add(who, rest, ` for ${name} calls`));
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

// --- nodes ---

function make(tag, name = "", ...inside) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...inside);
  return node;
}

// The setters touch the document only where something changed, so that selections and readers are left in peace.
function say(node, text) { if (node.textContent !== text) node.textContent = text; }
function look(node, name) { if (node.className !== name) node.className = name; }
function hint(node, text) { if (node.title !== text) node.title = text; }
function measure(node, name, value) { if (node.style.getPropertyValue(name) !== value) node.style.setProperty(name, value); }

function head(text, name = "", scope = "col") {
  const node = make("th", name, text);
  node.scope = scope;
  return node;
}

function headRow(...cells) { return make("thead", "", make("tr", "", ...cells)); }

// A parent whose children follow a list of unknown length. `create` returns {node, set(item)}.
function follow(parent, create) {
  const rows = [];
  return (items) => {
    while (rows.length < items.length) { rows.push(create()); parent.append(rows.at(-1).node); }
    while (rows.length > items.length) rows.pop().node.remove();
    items.forEach((item, i) => rows[i].set(item));
  };
}

// --- parts of an account ---

function restList() {
  const list = make("ul", "rests");
  list.setAttribute("aria-label", "What rests");
  list.tabIndex = 0;
  const set = follow(list, () => {
    const who = make("b"), said = make("span"), node = make("li", "", who, said);
    return { node, set(rest) { look(node, rest.level); say(who, rest.subject); say(said, `${rest.said}: ${rest.why}`); } };
  });
  return { node: list, set };
}

function matrix(first) {
  const columns = first.addresses.map(addressHead);
  const corner = head("Key", "corner");
  const body = make("tbody");
  const rows = first.keys.map((key) => keyRow(key, first.addresses));
  body.append(...rows.map((row) => row.node));
  const caption = make("caption", "unseen", `Attempts of ${first.account} by key and address`);
  const table = make("table", "matrix", caption, headRow(corner, ...columns.map((c) => c.node), head("all", "sum")), body);
  const node = make("div", "wide", table);
  node.tabIndex = 0;
  node.setAttribute("role", "region");
  node.setAttribute("aria-label", `Keys and addresses of ${first.account}`);
  return {
    node,
    set(account) {
      const most = Math.max(1, ...account.keys.flatMap((k) => Object.values(k.addresses).map((c) => c.attempts)));
      const down = new Map(account.addresses.map((a) => [a.address, !a.up || a.rest !== null]));
      columns.forEach((column, i) => column.set(account.addresses[i]));
      rows.forEach((row, i) => row.set(account.keys[i], down, most));
    },
  };
}

function addressHead(first) {
  const place = make("div", "place", first.address);
  if (first.public !== first.address) place.append(make("small", "", `as ${first.public}`));
  const mark = make("span", "mark"), state = make("span"), left = make("span"), node = head(place);
  mark.append(state, make("br"), left);
  node.append(mark);
  return {
    node,
    set({ address, up, rest, outcomes, public: seen }) {
      const name = !up ? "act" : rest ? level(rest) : "well";
      look(node, name === "well" ? "" : "down");
      look(mark, `mark ${name}`);
      say(state, !up ? "missing" : rest ? "rests" : "up");
      say(left, up && rest ? (forEver(rest) ? "act!" : duration(rest.rest_s)) : "");
      const counted = Object.entries(outcomes).map(([outcome, n]) => `${outcome} ${whole.format(n)}`);
      hint(node, [address, seen === address ? "" : `seen as ${seen}`, rest ? reason(rest) : "", ...counted].filter(Boolean).join("\n"));
    },
  };
}

function keyRow(first, addresses) {
  const state = make("span"), why = make("small");
  const name = head(make("b", "", first.key), "", "row");
  name.append(state, why);
  const cells = addresses.map(({ address }) => ({ address, ...routeCell() }));
  const sum = make("td", "sum");
  return {
    node: make("tr", "", name, ...cells.map((cell) => cell.node), sum),
    set(key, down, most) {
      const partly = Object.entries(key.rest_by_class);
      look(state, key.rest ? level(key.rest) : partly.length ? "wait" : "well");
      say(state, key.rest ? (forEver(key.rest) ? "rests, act!" : `rests ${duration(key.rest.rest_s)}`) : partly.length ? "in part" : "ready");
      const whys = key.rest ? [reason(key.rest)] : partly.map(([name, rest]) => `no ${name} ${length(rest)}: ${reason(rest)}`);
      say(why, whys.join("; "));
      hint(name, [`key ${key.key}`, ...whys].join("\n"));
      for (const cell of cells) cell.set(key, key.addresses[cell.address], key.rest !== null || down.get(cell.address), most);
      say(sum, short(Object.values(key.addresses).reduce((total, cell) => total + cell.attempts, 0)));
    },
  };
}

function routeCell() {
  const text = make("span"), more = make("span", "unseen"), node = make("td", "", text, more);
  return {
    node,
    set(key, cell, off, most) {
      look(node, !cell ? "none" : cell.refused ? "refused" : off ? "off" : "");
      say(text, !cell ? "·" : cell.refused ? `✕ ${short(cell.attempts)}` : short(cell.attempts));
      say(more, !cell ? "not allocated" : cell.refused ? " refused" : off ? " not usable now" : "");
      measure(node, "--level", cell?.attempts ? `calc(6% + (var(--most) - 6%) * ${Math.sqrt(cell.attempts / most).toFixed(2)})` : "0%");
      const said = !cell ? "not in the allocation" : cell.refused ? `refused: ${reason(cell.refused)}, ${length(cell.refused)}` : `${whole.format(cell.attempts)} attempts`;
      hint(node, `key ${key.key}: ${said}`);
    },
  };
}

function limitList() {
  let all = false;
  let shown = [];
  const body = make("tbody");
  const columns = ["Limit", "Scope", "Whose", "For"].map((text) => head(text));
  const table = make("table", "list", headRow(...columns, head("Used", "bar"), head("of capacity", "number"), head("Share", "number")), body);
  const empty = make("p", "muted", "No limit has been charged yet.");
  const more = make("button");
  more.type = "button";
  const draw = follow(body, limitRow);
  const set = (limits) => {
    shown = limits.map((limit) => ({ ...limit, share: limit.capacity ? limit.used / limit.capacity : 0 }));
    shown.sort((a, b) => b.share - a.share || (a.limit + a.name + a.detail < b.limit + b.name + b.detail ? -1 : 1));
    draw(all ? shown : shown.slice(0, FIRST_LIMITS));
    table.hidden = !shown.length;
    empty.hidden = shown.length > 0;
    more.hidden = shown.length <= FIRST_LIMITS;
    say(more, all ? `Show the ${FIRST_LIMITS} most used` : `Show all ${shown.length}`);
    more.setAttribute("aria-expanded", String(all));
  };
  more.addEventListener("click", () => { all = !all; set(shown); });
  return { node: make("section", "", make("h3", "", "Limits, most used first"), table, empty, more), set };
}

function limitRow() {
  const name = head("", "", "row"), fill = make("i");
  const [scope, whose, detail] = [make("td"), make("td"), make("td")];
  const used = make("td", "number"), share = make("td", "number share");
  const bar = make("td", "bar", make("div", "", fill));
  bar.setAttribute("aria-hidden", "true");
  const node = make("tr", "", name, scope, whose, detail, bar, used, share);
  return {
    node,
    set(limit) {
      const percent = limit.share * 100;
      look(node, percent >= 90 ? "full" : percent >= 70 ? "near" : "");
      say(name, limit.limit);
      say(scope, limit.scope);
      say(whose, limit.name || "all keys");
      say(detail, limit.detail);
      say(used, `${whole.format(limit.used)} / ${whole.format(limit.capacity)}`);
      say(share, `${percent >= 90 ? "! " : ""}${percent.toFixed(percent < 10 ? 1 : 0)} %`);
      measure(fill, "--share", `${Math.min(percent, 100).toFixed(1)}%`);
    },
  };
}

function outcomeList() {
  const body = make("tbody");
  const table = make("table", "list", headRow(head("Key"), head("Outcome"), head("Attempts", "number"), head("Share", "number")), body);
  const empty = make("p", "muted", "No attempt yet.");
  const draw = follow(body, () => {
    const key = head("", "", "row"), outcome = make("td"), n = make("td", "number"), share = make("td", "number");
    return {
      node: make("tr", "", key, outcome, n, share),
      set(row) {
        say(key, row.key);
        say(outcome, row.outcome.replaceAll("_", " "));
        say(n, whole.format(row.n));
        say(share, `${(row.share * 100).toFixed(1)} %`);
      },
    };
  });
  const set = (keys) => {
    const rows = keys.flatMap(({ key, outcomes }) => {
      const total = Object.values(outcomes).reduce((sum, n) => sum + n, 0);
      return Object.entries(outcomes).sort((a, b) => b[1] - a[1]).map(([outcome, n]) => ({ key, outcome, n, share: n / total }));
    });
    draw(rows);
    table.hidden = !rows.length;
    empty.hidden = rows.length > 0;
  };
  return { node: make("section", "", make("h3", "", "Outcomes by key"), table, empty), set };
}

function accountView(first) {
  const about = make("span", "muted"), state = make("span"), turns = make("span", "muted");
  const [rests, grid, limits, outcomes] = [restList(), matrix(first), limitList(), outcomeList()];
  const title = make("div", "title", make("h2", "", first.account), about, state, turns);
  const node = make("section", "account", title, rests.node, grid.node, make("div", "below", limits.node, outcomes.node));
  node.setAttribute("aria-label", `Account ${first.account}`);
  return {
    node,
    set(account, rotations, resting) {
      say(about, `${account.exchange} · ${account.keys.length} keys · ${account.addresses.length} addresses`);
      look(state, resting.some((rest) => rest.level === "act") ? "act" : resting.length ? "wait" : "well");
      say(state, resting.length ? `${resting.length} cannot be used now` : "nothing rests");
      const own = Object.entries(rotations).filter(([name]) => name.startsWith(`${account.account}: `));
      say(turns, own.length ? `rotations: ${own.map(([name, n]) => `${name.slice(account.account.length + 2).replaceAll("_", " ")} ${whole.format(n)}`).join(", ")}` : "");
      rests.set(resting);
      grid.set(account);
      limits.set(account.limits);
      outcomes.set(account.keys);
    },
  };
}

// --- the page ---

let views = [];
let form = "";
let samples = [];
let known = null;
let lastGood = null;

function show(status) {
  const now = JSON.stringify(status.accounts.map((a) => [a.account, a.keys.map((k) => k.key), a.addresses.map((x) => [x.address, x.public])]));
  if (now !== form) {
    form = now;
    views = status.accounts.map(accountView);
    at("accounts").replaceChildren(...views.map((view) => view.node));
  }
  const resting = status.accounts.map(restsOf);
  status.accounts.forEach((account, i) => views[i].set(account, status.rotations, resting[i]));
  const count = new Set(status.accounts.flatMap((a, i) => resting[i].map((rest) => subject(a, rest)))).size;
  say(at("version"), status.version);
  say(at("ready"), status.ready ? "ready" : "not ready");
  look(at("ready"), status.ready ? "well" : "act");
  say(at("uptime"), duration(status.uptime_s));
  say(at("queue"), whole.format(status.queue));
  say(at("calls"), whole.format(status.calls));
  say(at("rate"), rate(status));
  say(at("rotations"), whole.format(Object.values(status.rotations).reduce((sum, n) => sum + n, 0)));
  say(at("resting"), String(count));
  look(at("resting"), count ? "wait" : "well");
  document.title = `${status.ready ? "" : "NOT READY "}${count ? `(${count}) ` : ""}Ordergate`;
  tell(status, resting);
}

// Addresses rest for all accounts of an exchange, keys for their own.
function subject(account, rest) {
  return `${rest.who} of ${rest.who.startsWith("address ") ? account.exchange : account.account}`;
}

function rate({ uptime_s, calls }) {
  if (samples.length && samples.at(-1).uptime_s > uptime_s) samples = []; // the daemon was started anew
  samples = [...samples, { uptime_s, calls }].slice(-6);
  const seconds = uptime_s - samples[0].uptime_s;
  return seconds > 0 ? `${((calls - samples[0].calls) / seconds).toFixed(1)} / s` : "";
}

// Screen readers hear of changes only: reading every second's countdown would drown them.
function tell(status, resting) {
  const now = new Map(status.accounts.flatMap((a, i) => resting[i].map((rest) => [subject(a, rest), rest.why])));
  if (known !== null) {
    const news = [...now].filter(([who]) => !known.has(who)).map(([who, why]) => `${who} cannot be used now: ${why}`);
    news.push(...[...known.keys()].filter((who) => !now.has(who)).map((who) => `${who} is back`));
    if (news.length) say(at("news"), news.length > 5 ? `${news.slice(0, 5).join(". ")}, and ${news.length - 5} more changes` : news.join(". "));
  }
  known = now;
}

function fault(text) {
  const lost = text !== "";
  document.body.classList.toggle("stale", lost && lastGood !== null);
  at("fault").hidden = !lost;
  say(at("fault"), text);
  if (lost) document.title = "NO ANSWER Ordergate";
}

async function ask() {
  try {
    const answer = await fetch("api/status", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    const status = await answer.json();
    lastGood = new Date();
    show(status);
    fault("");
    say(at("fresh"), `as of ${lastGood.toLocaleTimeString("en-GB")}`);
  } catch (error) {
    console.warn(error);
    const why = error.name === "TimeoutError" ? "no answer in time" : error.name === "TypeError" ? "no connection" : error.message;
    const since = lastGood ? ` What you see is from ${lastGood.toLocaleTimeString("en-GB")}.` : "";
    fault(`The daemon does not answer (${why}).${since} Trying again every second.`);
    say(at("fresh"), "not up to date");
  }
}

let timer = 0;
let asking = false;

async function turn() {
  clearTimeout(timer);
  if (asking || document.hidden) return;
  asking = true;
  await ask();
  asking = false;
  if (document.hidden) say(at("fresh"), "paused");
  else timer = setTimeout(turn, EVERY_MS);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) { clearTimeout(timer); say(at("fresh"), "paused"); } else turn();
});
turn();
