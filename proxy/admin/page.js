// Asks for api/status every second and shows the answer.

import { accountView } from "./page.account.js";
import { look, say } from "./page.nodes.js";
import { duration, restsOf, whole } from "./page.words.js";

const EVERY_MS = 1000;
const PATIENCE_MS = 3000;

const at = (id) => document.getElementById(id);
const clock = (date) => date.toLocaleTimeString("en-GB");

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
  if (lost) {
    document.title = "NO ANSWER Ordergate";
    say(at("ready"), "no answer");
    look(at("ready"), "act");
  }
}

async function ask() {
  let status;
  try {
    const answer = await fetch("api/status", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw new Error(`it says ${answer.status}`);
    status = await answer.json();
  } catch (error) {
    const why = { TimeoutError: "nothing came in time", TypeError: "no connection" }[error.name] ?? error.message;
    const since = lastGood ? ` What you see is from ${clock(lastGood)}.` : "";
    fault(`The daemon does not answer (${why}).${since} Trying again every second.`);
    say(at("fresh"), "not up to date");
    return;
  }
  lastGood = new Date();
  show(status);
  fault("");
  say(at("fresh"), `as of ${clock(lastGood)}`);
}

let timer = 0;
let asking = false;

async function turn() {
  clearTimeout(timer);
  if (asking || document.hidden) return;
  asking = true;
  try {
    await ask();
  } catch (error) {
    fault(`This page cannot show the answer of the daemon: ${error.message}`);
    throw error;
  } finally {
    asking = false;
    timer = setTimeout(turn, EVERY_MS);
  }
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) { clearTimeout(timer); say(at("fresh"), "paused"); } else turn();
});
turn();
