// The way to the box: its stream, whether it is fresh, and what every page says and forbids while it is not.
//
//   new   asked for the stream, nothing heard yet
//   up    what the station says arrives, without delay, and its core is alive
//   lost  the box is not reached: nothing came for two seconds, or the stream broke off
//   dead  the box is reached, but the program behind its pages does not move
//
// In `lost` and `dead` a banner says since when, what stands on the page is grey, and buttons that write are disabled.
// A button that only changes the page itself says so: `data-local`; tiles of goods, and in a dialog those of type
// `button`, need not.
// Nothing is loaded anew when the box is back: what was typed stays.

import { find, say } from "./words.js";

const FRESH_MS = 2000;
const AGAIN_MS = 1000;
const PATIENCE_MS = 5000; // a connection that comes to nothing is given up, and tried anew
const DRIFT = 0.001; // two clocks may part by a thousandth without being taken for a delay

let state = "new";
let since = Date.now(); // what the page shows is of that time
let heardAt = -Infinity; // on two clocks: one of them stands still while a phone sleeps
let heardWall = -Infinity;
let process = ""; // the token of the process that was heard last, and its clock then
let processAt = -1;
let quickest = Infinity;
let quickestAt = 0;
let source = null;
let silence = 0;
let again = 0;
let receive = () => {};
let changed = () => {};

export const link = () => state;

/** True while what the station says arrives, without delay, and its core is alive. */
export const fresh = () =>
  state === "up" && performance.now() - heardAt < FRESH_MS && Math.abs(Date.now() - heardWall) < FRESH_MS;

/** True while nothing can be asked of the box. */
export const away = () => state === "lost" || state === "dead";

/** What was heard last, and of which process: what is sent now is sent later than that by the box's own clock. */
export const heard = () => ({ token: process, heard_ms: processAt });

/** Resolves when the box can be asked. */
export async function whenUp() {
  while (!fresh()) await new Promise((done) => setTimeout(done, 200));
}

/** Follow the stream: `onMessage` gets what it brings, `onChange` is called when freshness may have changed. */
export function follow(onMessage, onChange) {
  [receive, changed] = [onMessage, onChange];
  open();
}

function become(next) {
  if (next === state) return;
  state = next;
  draw();
}

// --- the stream ---------------------------------------------------------------------------------------------------

function hear(message) {
  const now = performance.now();
  process = message.token ?? process;
  processAt = message.at;
  const delay = now - message.at;
  quickest = Math.min(delay, quickest + (now - quickestAt) * DRIFT);
  quickestAt = now;
  if (message.alive && delay - quickest >= FRESH_MS) return; // held up on the way
  clearTimeout(silence);
  silence = setTimeout(lose, FRESH_MS);
  if (message.alive) {
    heardAt = now;
    since = heardWall = Date.now();
  }
  become(message.alive ? "up" : "dead");
}

/** The stream broke off, or fell silent. */
function lose() {
  close();
  become("lost");
  changed();
  again = setTimeout(open, AGAIN_MS);
}

function open() {
  if (source || document.hidden) return;
  clearTimeout(again);
  quickest = Infinity;
  source = new EventSource(document.body.dataset.stream ?? "/api/live?pulse=1&scans=1");
  source.onmessage = (event) => {
    const message = JSON.parse(event.data);
    hear(message);
    receive(message);
  };
  source.addEventListener("pulse", (event) => {
    hear(JSON.parse(event.data));
    changed();
  });
  source.addEventListener("scan", (event) => {
    document.dispatchEvent(new CustomEvent("box-scan", { detail: JSON.parse(event.data).text }));
  });
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) knowMe(); // the box answered, and not with a stream
    lose();
  };
  silence = setTimeout(lose, state === "new" ? FRESH_MS : PATIENCE_MS);
}

/** Whoever is signed in no more signs in again. */
async function knowMe() {
  if (document.body.dataset.stream) {
    const page = await fetch(location.pathname).catch(() => null);
    if (page?.redirected) location.reload(); // it shows to nobody unless somebody signs in
    return;
  }
  const answer = await fetch("/api/me").catch(() => null);
  if (answer?.status === 401) location.assign(`/sign-in?next=${location.pathname}`);
}

function close() {
  source?.close();
  source = null;
  clearTimeout(silence);
  clearTimeout(again);
  heardAt = heardWall = -Infinity;
}

function rest() {
  close();
  if (state === "up") become("new");
  changed();
}

document.addEventListener("visibilitychange", () => (document.hidden ? rest() : open()));
addEventListener("pagehide", rest);
addEventListener("pageshow", open);
setInterval(() => changed(), 500); // a sleep is noticed, too

// --- what the page says -------------------------------------------------------------------------------------------

const banner = find("#link");
banner.hidden = true;
banner.setAttribute("popover", "manual");
const news = banner.closest(".news"); // of a long strip only the last line stays in sight on a page that is scrolled
if (news) new ResizeObserver(() => document.documentElement.style.setProperty("--news", `${news.offsetHeight}px`)).observe(news);

function draw() {
  document.body.dataset.link = state;
  banner.hidden = !away();
  if (away()) {
    banner.textContent = say(`box.${state}`, { time: new Date(since).toTimeString().slice(0, 5) });
    lift();
    forbid();
    mutations.observe(document.body, { subtree: true, childList: true, attributeFilter: ["disabled", "open"] });
  } else {
    banner.hidePopover?.();
    mutations.disconnect();
    allow();
  }
}

/** Where a dialog covers the page and the banner's place in it, the banner is above the dialog. */
function lift() {
  banner.hidePopover?.();
  if (document.querySelector("dialog:modal")) banner.showPopover?.();
}

// --- what cannot be done meanwhile --------------------------------------------------------------------------------

const LOCAL = "[data-local], .product, dialog [type=button], [value=cancel]";
const mutations = new MutationObserver((records) => {
  if (records.some((one) => one.attributeName === "open")) lift();
  forbid();
});
let focused = null;

function forbid() {
  for (const one of document.querySelectorAll("button:not(:disabled)")) {
    if (one.matches(LOCAL)) continue;
    if (one === document.activeElement) focused = one;
    one.disabled = true;
    one.dataset.cut = "";
  }
}

function allow() {
  for (const one of document.querySelectorAll("[data-cut]")) {
    one.disabled = false;
    delete one.dataset.cut;
  }
  const one = focused;
  focused = null;
  requestAnimationFrame(() => {
    // a browser takes the focus from what is disabled when it draws
    if (one && [document.body, one].includes(document.activeElement)) one.focus({ preventScroll: true });
  });
}

// The browser's own page of an error would have no way back.
document.addEventListener("click", (event) => {
  const way = event.target.closest("a[href]:not([href^='#'])");
  if (!way || state !== "lost") return;
  event.preventDefault();
  banner.animate([{ transform: "scale(1.05)" }, { transform: "none" }], 300);
}, true);
