// The view of one account: what rests, keys by addresses, limits, outcomes.
// Each part is {node, set(...)}: made once, then set every second.

import { follow, head, headRow, hint, look, make, measure, say } from "./page.nodes.js";
import { duration, forEver, length, level, reason, short, whole } from "./page.words.js";

const FIRST_LIMITS = 12;

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
      say(state, key.rest ? (forEver(key.rest) ? "rests until you act" : `rests ${duration(key.rest.rest_s)}`) : partly.length ? "in part" : "ready");
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
      say(scope, limit.coupled ? "account (learned)" : limit.scope);
      hint(scope, limit.coupled ? "The exchange says by key, but its refusals showed that it counts by account: more keys add nothing." : "");
      say(whose, limit.name || "all keys");
      say(detail, limit.detail);
      say(used, `${whole.format(limit.used)} / ${whole.format(limit.capacity)}`);
      say(share, `${percent >= 90 ? "! " : ""}${percent.toFixed(percent < 10 ? 1 : 0)} %`);
      measure(fill, "--share", `${Math.min(percent, 100).toFixed(1)}%`);
    },
  };
}

function outcomeList() {
  const top = make("tr", "", head("Key")), body = make("tbody");
  const node = make("div", "wide", make("table", "list", make("thead", "", top), body));
  const columns = follow(top, () => { const node = head("", "number"); return { node, set(text) { say(node, text.replaceAll("_", " ")); } }; });
  const rows = follow(body, () => {
    const name = head("", "", "row"), row = make("tr", "", name);
    const cells = follow(row, () => { const node = make("td", "number"); return { node, set(text) { say(node, text); } }; });
    return { node: row, set(key, seen) { say(name, key.key); cells(seen.map((outcome) => whole.format(key.outcomes[outcome] ?? 0))); } };
  });
  const set = (keys) => {
    const sums = {};
    for (const { outcomes } of keys) for (const [outcome, n] of Object.entries(outcomes)) sums[outcome] = (sums[outcome] ?? 0) + n;
    const seen = Object.keys(sums).sort((a, b) => sums[b] - sums[a]);
    columns(seen);
    rows(keys, seen);
    node.hidden = !seen.length;
    empty.hidden = seen.length > 0;
  };
  const empty = make("p", "muted", "No attempt yet.");
  return { node: make("section", "", make("h3", "", "Outcomes by key"), node, empty), set };
}

export function accountView(first) {
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
