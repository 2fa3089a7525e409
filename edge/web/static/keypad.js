// Keys of our own for numbers: large, the same everywhere, and in nobody's way.
//
// A field with `data-keys` (`mass`, `price`, `code`, `pin`, or `letters` to find something by its initials) has them: in a
// dialog and in a form `keys-in` always, on a page where fingers are used. They stand in there, after the field, or over
// the page's end; beside the form where the screen is wide and low.
// One press is one digit: what a wet glove does besides is left out. A real keyboard goes on working.

import { say } from "./words.js";

const BOUNCE_MS = 100; // from press to press of one key
const LIFT_MS = 50; // from its release to a press
const POINT = new Set(["mass", "price"]); // they have decimals
const KEYS = {
  numbers: [..."123456789", "point", "0", "back", "done"],
  letters: [..."abcdefghijklmnopqrstuvwxyz", "back", "clear", "text", "done"],
};
const HOME = "dialog, form.keys-in";
const TEXT = "select, textarea, input:not([type=checkbox], [type=radio])";
const touched = matchMedia("(any-pointer: coarse)");

let field = null; // which the keys write to
let finger = null; // the pointer that is down
let fingers = false; // whether the page was touched last, and not clicked
let written = null; // a field of letters that somebody writes into with the screen's own keyboard
let point = null; // the key that numbers with decimals have, and others not
let last = { key: "", pressed: -Infinity, released: -Infinity };

/** Give a field keys; `kind` is `mass`, `price`, `code` or `pin`. */
export function keypad(input, { kind }) {
  input.dataset.keys = kind;
  mode(input);
}

/** The screen's own keyboard stays away where ours is there. */
function mode(input) {
  if (input.dataset.keys === "letters") input.inputMode = (touched.matches || fingers) && input !== written ? "none" : "text";
  else input.inputMode = touched.matches || fingers ? "none" : POINT.has(input.dataset.keys) ? "decimal" : "numeric";
}

const panel = document.createElement("div");
panel.className = "keypad";
panel.hidden = true;
panel.setAttribute("role", "group");

/** The keys of this kind, where they are not there yet. */
function fill(kind) {
  if (panel.dataset.kind === kind) return;
  panel.dataset.kind = kind;
  panel.setAttribute("aria-label", say(kind === "letters" ? "letter_keys" : "keys"));
  panel.replaceChildren();
  for (const key of KEYS[kind]) {
    const one = document.createElement("button");
    one.type = "button";
    one.tabIndex = -1; // a keyboard has its own
    one.className = "quiet";
    one.dataset.key = key;
    one.dataset.local = "";
    one.textContent = { back: "⌫", done: say("close"), clear: say("clear"), text: say("own_keyboard") }[key] ?? key;
    if (key === "back") one.setAttribute("aria-label", say("rub_out"));
    panel.append(one);
  }
  point = panel.querySelector("[data-key=point]");
}

// --- where they stand ---------------------------------------------------------------------------------------------

function open(input) {
  field = input;
  const home = input.closest(HOME);
  const decimal = POINT.has(input.dataset.keys);
  fill(input.dataset.keys === "letters" ? "letters" : "numbers");
  if (point) {
    point.textContent = decimal ? "." : say("clear");
    point.dataset.key = decimal ? "." : "clear";
  }
  panel.classList.toggle("over", !home);
  const letters = panel.dataset.kind === "letters";
  const end = letters && home?.querySelector(".buttons");
  const place = end ? end.previousElementSibling : home ? (input.closest(".pair") ?? input.closest("label")) : document.body.lastElementChild;
  if (place !== panel && place.nextElementSibling !== panel) place.after(panel);
  panel.hidden = false;
  document.body.classList.toggle("keyed", !home);
  if (!home) input.scrollIntoView({ block: letters ? "start" : "center" }); // what is found is below
}

function close() {
  field = null;
  panel.hidden = true;
  document.body.classList.remove("keyed");
}

function meet(input) {
  mode(input);
  if (input === written) return;
  if (input.dataset.keys === "letters" && !touched.matches && !fingers) return; // there is a keyboard
  if (input.closest(HOME) || touched.matches || fingers) open(input);
}

document.addEventListener("focusin", ({ target }) => {
  if (target.matches("[data-keys]")) meet(target);
  else if (!panel.contains(target) && (panel.classList.contains("over") || target.matches(TEXT))) close();
});
document.addEventListener("focusout", ({ target, relatedTarget }) => {
  if (target === written && document.hasFocus()) written = null;
  if (!relatedTarget && panel.classList.contains("over")) close();
});
document.addEventListener("pointerdown", (event) => {
  fingers = event.pointerType !== "mouse";
  if (fingers && event.target.matches("[data-keys]") && event.target !== written) event.target.inputMode = "none";
});
document.addEventListener("close", (event) => event.target.contains(panel) && close(), true);

// --- one press -----------------------------------------------------------------------------------------------------

function write(key) {
  const { value, selectionStart: from, selectionEnd: to, maxLength } = field;
  if (key === "done") return field.blur();
  if (key === "text") return ownKeyboard();
  if (key === "clear") field.value = "";
  else if (key === "back") field.setRangeText("", from === to ? Math.max(0, from - 1) : from, to, "end");
  else {
    const rest = value.slice(0, from) + value.slice(to);
    if (key === "." && rest.includes(".")) return;
    if (maxLength >= 0 && rest.length >= maxLength) return;
    field.setRangeText(key, from, to, "end");
  }
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** The screen's own keyboard in place of ours, for what has no initials. */
function ownKeyboard() {
  const input = field;
  input.blur();
  written = input;
  mode(input);
  input.focus();
}

panel.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
panel.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  const key = event.target.closest("button")?.dataset.key;
  if (!key || !field || finger !== null || event.button > 0) return;
  finger = event.pointerId;
  const now = event.timeStamp;
  const bounced = now - last.pressed < BOUNCE_MS || now - last.released < LIFT_MS;
  const again = bounced && key === last.key && event.pointerType !== "mouse";
  last = { key, pressed: now, released: -Infinity };
  if (again) return;
  navigator.vibrate?.(15);
  write(key);
});
function lift(event) {
  if (event.pointerId !== finger) return;
  finger = null;
  last.released = event.timeStamp;
}
addEventListener("pointerup", lift, true);
addEventListener("pointercancel", lift, true);
addEventListener("blur", () => (finger = null));
panel.addEventListener("click", (event) => {
  const key = event.target.closest("button")?.dataset.key;
  if (event.detail === 0 && key && field) write(key); // a screen reader's press has no pointer
});
panel.addEventListener("contextmenu", (event) => event.preventDefault());

for (const input of document.querySelectorAll("[data-keys]")) mode(input);
