// What every page shares: the board as it comes, parts that are fetched again, posts, papers.

import { askWord } from "./approval.js";
import { away, follow, fresh, heard, link, whenUp } from "./connection.js";
import "./keeper.js";
import "./keypad.js";
import { find, named, ownWord, say } from "./words.js";

const signedIn = document.body.dataset.person;
if (signedIn) localStorage.person = signedIn; // who says so is who is signed in: nobody is asked for a name

export { find, fresh, named, say };

const GET_MS = 8000;
const POST_MS = 15000;
const AGAIN_MS = 1000;

/** Why nothing is known of a scale while the box is not reached. */
export const reach = () => say({ lost: "reach_lost", dead: "reach_dead" }[link()] ?? "loading");

export const yuan = (fen) =>
  `${fen < 0 ? "-" : ""}${Math.floor(Math.abs(fen) / 100)}.${String(Math.abs(fen) % 100).padStart(2, "0")}`;

/** "12.5" → 12500 grams, or null. Digits only, no floating point. */
export function grams(text) {
  const found = /^(\d{1,6})(?:[.。,，](\d{1,3}))?$/.exec(text);
  return found ? Number(found[1]) * 1000 + Number((found[2] ?? "").padEnd(3, "0")) : null;
}

/** A product's name in the page's language, and that of a lot's product. */
export const nameOf = (one) => (document.documentElement.lang === "en" && one.name_en) || one.name;
export const lotName = (lot) =>
  nameOf((board.products ?? []).find((one) => one.code === lot.product) ?? { name: lot.product_name });

/** Food that somebody brought to be tested, in a list. */
export const broughtWords = (one) => `${say("title.samples")} ${one.sample} · ${one.goods}`;

// --- the board -----------------------------------------------------------------------------------------------------

export const board = {};
const listeners = [];
let ports = "";
let garbage = "";

/** Call `listener(changed)` with the set of names of what changed, and with an empty set when freshness may have. */
export const onChange = (listener) => listeners.push(listener);

function tell(changed) {
  for (const listener of listeners) listener(changed);
}

/** Resolves when the station has told its goods, lots and papers for the first time. */
export const told = new Promise((done) => onChange(() => board.version !== undefined && done()));

function receive(message) {
  const changed = new Set(Object.keys(message));
  changed.delete("at");
  changed.delete("alive");
  Object.assign(board, message);
  const nowPorts = JSON.stringify((board.scales ?? []).map((one) => [one.name, one.up, one.port_why]).concat(
    [...(board.analyzers ?? []), ...(board.probes ?? [])].map((one) => [one.name, one.up, one.why])));
  const nowGarbage = JSON.stringify((board.scales ?? []).map((one) => [one.garbage, one.up && one.why]));
  if (nowPorts !== ports) changed.add("ports");
  if (nowGarbage !== garbage) changed.add("garbage");
  [ports, garbage] = [nowPorts, nowGarbage];
  tell(changed);
}

// --- parts of the page, rendered by the station --------------------------------------------------------------------

for (const element of document.querySelectorAll("[data-part]")) {
  const on = element.dataset.on.split(" ");
  const every = Number(element.dataset.every ?? 150);
  let first = true;
  let timer = 0;
  let last = -Infinity;
  onChange((changed) => {
    const wanted = on.some((name) => changed.has(name));
    const same = first && `${board.token}.${board.version}` === document.body.dataset.version;
    if (wanted) first = false;
    if (!wanted || same || timer) return;
    timer = setTimeout(async () => {
      last = performance.now();
      timer = 0;
      await refresh(element);
    }, Math.max(0, last + every - performance.now()));
  });
}

// What is replaced under a finger, or moved away from under it, is never pressed: parts wait until the click has come,
// or the finger has gone.
const CLICK_MS = 350; // a touched screen thinks about a double tap
const LONGEST_MS = 5000; // a finger that went up elsewhere is not waited for

let finger = null; // what is under it
let up = null; // when it is taken for gone

const gone = () => (finger = null);
const until = (ms) => {
  clearTimeout(up);
  up = setTimeout(gone, ms);
};
document.addEventListener("pointerdown", ({ target }) => {
  finger = target;
  until(LONGEST_MS);
}, true);
for (const kind of ["pointerup", "pointercancel"]) document.addEventListener(kind, () => until(CLICK_MS), true);
document.addEventListener("click", () => until(0), true);

const lifted = () => new Promise((done) => setTimeout(done, 30));

/** Fetch a part of the page anew; `data-query` says which of it is wanted. */
export async function refresh(element) {
  const asked = (element.asked = {}); // an answer that was overtaken is not shown
  try {
    const query = `on=${document.body.classList[0]}&${element.dataset.query ?? ""}`;
    const answer = await fetch(`/parts/${element.dataset.part}?${query}`, { signal: AbortSignal.timeout(GET_MS) });
    if (answer.status === 401) return signIn();
    const html = await answer.text();
    while (finger) await lifted();
    if (!answer.ok || element.asked !== asked) return;
    const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
    element.innerHTML = html; // escaped by the station; scripts inside would be refused by the page's policy
    if (focused) document.getElementById(focused)?.focus();
    element.dispatchEvent(new CustomEvent("part", { bubbles: true }));
  } catch {
    setTimeout(() => element.asked === asked && refresh(element), AGAIN_MS);
  }
}

// --- posts -----------------------------------------------------------------------------------------------------

/** A text for one request: repeated with it, nothing is done twice. */
export const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export const failed = (message, more) => Object.assign(new Error(message), more);
const inWords = (said) => (document.documentElement.lang === "en" ? said.message_en : said.message_zh);

/** Ask the station with a body in JSON: its answer and whether it is one, whatever it says. */
async function send(address, body, key, patience, approval = "") {
  const answer = await fetch(address, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      ...ownWord,
      ...(key && { "Idempotency-Key": key }),
      ...(approval && { Approval: approval }),
    },
    body: JSON.stringify(body ?? {}),
    signal: AbortSignal.timeout(patience),
  });
  if (answer.status === 401 && !/\/(approvals|sign)$/.test(address)) signIn(); // there a PIN was wrong
  return { status: answer.status, ok: answer.ok, said: await answer.json() };
}

/** Nobody is signed in any more: the page comes back when somebody is. */
const signIn = () => location.assign(`/sign-in?next=${location.pathname}`);

/**
 * The answer, or an Error whose message is in the person's language.  Its `known` is false when it may have been done;
 * `whenKnown` then tells what became of it.
 */
export async function post(address, body, key = newKey()) {
  if (away()) throw failed(say("not_sent"), { code: "not_sent", known: true });
  const sent = { address, ...heard(), steady: performance.now(), wall: Date.now() };
  let answer = await send(address, body, key, POST_MS).catch(() => null);
  if (answer?.said.code === "needs_supervisor") {
    const word = await askWord((given) => send("/api/approvals", { ...given, address }, "", POST_MS), inWords);
    if (word) answer = await send(address, body, key, POST_MS, word).catch(() => null);
  }
  if (answer?.ok) return answer.said;
  if (answer && answer.status < 500) throw failed(inWords(answer.said), { code: answer.said.code, known: true });
  const code = answer?.said.code ?? "no_answer";
  throw failed(say("unknown_answer"), { code, known: false, outcome: outcome(key, sent) });
}

/** Ask until the station knows what became of a request; one that has not come by then will not be done any more. */
async function outcome(key, { steady, wall, ...sent }) {
  for (;;) {
    await whenUp();
    const age_ms = Math.round(Math.max(performance.now() - steady, Date.now() - wall));
    const answer = await send(`/api/requests/${key}/outcome`, { age_ms, ...sent }, "", GET_MS).catch(() => null);
    if (answer?.ok && answer.said.state !== "waiting") return answer.said;
    await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
}

/** When it is known what became of a request without an answer: `done(answer)`, or `not(words, state)`. */
export function whenKnown(error, done, not) {
  error.outcome?.then(({ state, answer }) => (state === "done" ? done(answer) : not(say(`outcome.${state}`), state)));
}

/** Say that something could not be done, and later, if it was not known, whether it was. */
export function sorry(error) {
  toast(error.message);
  whenKnown(error, () => toast(say("outcome.done")), toast);
}

let toasting = 0;
export function toast(text) {
  const box = find("#toast");
  if (!box) return;
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toasting);
  toasting = setTimeout(() => (box.hidden = true), 6000);
}

follow(receive, () => tell(new Set()));
