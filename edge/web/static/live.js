// What every page shares: words, the stream of the board, parts that are fetched again, posts, papers.

export const words = JSON.parse(document.getElementById("words").textContent);
export const say = (key, values = {}) =>
  (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
export const find = (selector) => document.querySelector(selector);
export const yuan = (fen) => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, "0")}`;

/** "12.5" → 12500 grams, or null. Digits only, no floating point. */
export function grams(text) {
  const found = /^(\d{1,6})(?:[.。,，](\d{1,3}))?$/.exec(text);
  return found ? Number(found[1]) * 1000 + Number((found[2] ?? "").padEnd(3, "0")) : null;
}

// --- the stream --------------------------------------------------------------------------------------------------

const FRESH_MS = 2000;
const DRIFT = 0.001; // two clocks may part by a thousandth without being taken for a delay
export const board = {};
const listeners = [];
let source = null;
let heardAt = -Infinity; // on two clocks: one of them stands still while a phone sleeps
let heardWall = -Infinity;
let quickest = Infinity;
let quickestAt = 0;
let ports = "";
let garbage = "";

/** True while what the station says arrives, without delay, and its core is alive. */
export const fresh = () =>
  performance.now() - heardAt < FRESH_MS && Math.abs(Date.now() - heardWall) < FRESH_MS;

/** Call `listener(changed)` with the set of names of what changed, and with an empty set when freshness may have. */
export const onChange = (listener) => listeners.push(listener);

function heard(message) {
  const now = performance.now();
  const delay = now - message.at;
  quickest = Math.min(delay, quickest + (now - quickestAt) * DRIFT);
  quickestAt = now;
  if (message.alive && delay - quickest < FRESH_MS) {
    heardAt = now;
    heardWall = Date.now();
  }
  const dead = !message.alive;
  find("#link").hidden = !dead;
  find("#link").textContent = dead ? say("core_dead") : "";
}

function tell(changed) {
  for (const listener of listeners) listener(changed);
}

function receive(message) {
  heard(message);
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

function cut() {
  heardAt = heardWall = -Infinity;
  quickest = Infinity;
  tell(new Set());
}

function open() {
  if (source || document.hidden) return;
  source = new EventSource("/api/live?pulse=1");
  source.onmessage = (event) => receive(JSON.parse(event.data));
  source.addEventListener("pulse", (event) => {
    heard(JSON.parse(event.data));
    tell(new Set());
  });
  source.onerror = () => {
    cut();
    if (source?.readyState === EventSource.CLOSED) {
      close();
      setTimeout(open, 2000); // the browser gave up; we do not
    }
  };
}

function close() {
  source?.close();
  source = null;
  cut();
}

document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("pagehide", close);
addEventListener("pageshow", open);
setInterval(() => tell(new Set()), 500); // silence is noticed too

// --- parts of the page, rendered by the station --------------------------------------------------------------------

for (const element of document.querySelectorAll("[data-part]")) {
  const on = element.dataset.on.split(" ");
  const every = Number(element.dataset.every ?? 150);
  let first = true;
  let timer = 0;
  let last = -Infinity;
  onChange((changed) => {
    const wanted = on.some((name) => changed.has(name));
    const same = first && board.version === Number(document.body.dataset.version);
    if (wanted) first = false;
    if (!wanted || same || timer) return;
    timer = setTimeout(async () => {
      last = performance.now();
      timer = 0;
      await refresh(element);
    }, Math.max(0, last + every - performance.now()));
  });
}

async function refresh(element) {
  try {
    const answer = await fetch(`/parts/${element.dataset.part}`);
    if (!answer.ok) return;
    const html = await answer.text();
    const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
    element.innerHTML = html; // escaped by the station; scripts inside would be refused by the page's policy
    if (focused) document.getElementById(focused)?.focus();
    element.dispatchEvent(new CustomEvent("part", { bubbles: true }));
  } catch {
    setTimeout(() => refresh(element), 3000);
  }
}

// --- posts -----------------------------------------------------------------------------------------------------

/** A text for one request: repeated with it, nothing is done twice. */
export const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The answer, or an Error whose message is in the person's language; `known` is false when it may have been done. */
export async function post(address, body, key = newKey()) {
  let answer;
  try {
    answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": key },
      body: JSON.stringify(body ?? {}),
      signal: AbortSignal.timeout(15000),
    });
    const said = await answer.json();
    if (answer.ok) return said;
    const message = document.documentElement.lang === "en" ? said.message_en : said.message_zh;
    throw Object.assign(new Error(message), { code: said.code, known: answer.status < 500 });
  } catch (error) {
    if (error.known !== undefined) throw error;
    throw Object.assign(new Error(say("unknown_answer")), { code: "no_answer", known: false });
  }
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

// --- papers ----------------------------------------------------------------------------------------------------

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-reprint], [data-view], [data-confirm], [data-print]");
  if (!button || button.disabled) return;
  button.disabled = true;
  try {
    if (button.dataset.reprint) {
      await post(`/api/papers/${button.dataset.reprint}/reprint`);
      toast(say("reprint_sent"));
    } else if (button.dataset.confirm) {
      for (const job of button.dataset.confirm.split(" ")) await post(`/api/papers/${job}/confirm`);
      toast(say("confirmed"));
    } else if (button.dataset.print) {
      const { print: paper, subject = paper === "day" ? find("#day").value : "", printer = "" } = button.dataset;
      await post("/api/papers", { paper, subject, printer });
      toast(say("reprint_sent"));
    } else {
      const answer = await fetch(`/api/papers/${button.dataset.view}`);
      find("#paper-text").textContent = (answer.ok && (await answer.json()).text) || say("no_paper_text");
      find("#paper").showModal();
    }
  } catch (error) {
    toast(error.message);
  } finally {
    setTimeout(() => (button.disabled = false), 800);
  }
});

open();
