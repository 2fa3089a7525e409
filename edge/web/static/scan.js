// A scanner types like a person, only faster. Its keys are taken together, as one scan, and reach nothing on the page.
//
// A burst is told by the time between its keys, on the clock of the input itself (`timeStamp`), so that a busy page
// does not matter. Keys are read by their place on a US keyboard (`code`), as scanners press them, so that no input
// method and no other layout garbles a digit. What was scanned is told as an event `scan` of the document.

const GAP_MS = 80; // the longest pause within a scan; people who type digits need 120 ms and more
const QUICK_MS = 30; // no person types five keys like this
const REST_MS = 300; // a scanner that sends no ending key is done
const CALM_MS = 500; // Enter or Space so soon after a character presses nothing
const ENDS = new Set(["Enter", "NumpadEnter", "Tab"]);
const SILENT = new Set(["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "NumLock"]);
const FIELDS =
  "textarea, select, input:not([type=button], [type=submit], [type=reset], [type=checkbox], [type=radio], [type=range])";

/** Both characters of each key, without and with Shift. */
const KEYS = {
  Minus: "-_", Equal: "=+", BracketLeft: "[{", BracketRight: "]}", Backslash: "\\|", Semicolon: ";:", Quote: "'\"",
  Backquote: "`~", Comma: ",<", Period: ".>", Slash: "/?", Space: "  ", NumpadDecimal: "..", NumpadAdd: "++",
  NumpadSubtract: "--", NumpadMultiply: "**", NumpadDivide: "//",
};
for (const letter of "ABCDEFGHIJKLMNOPQRSTUVWXYZ") KEYS[`Key${letter}`] = letter.toLowerCase() + letter;
[...")!@#$%^&*("].forEach((sign, digit) => {
  KEYS[`Digit${digit}`] = `${digit}${sign}`;
  KEYS[`Numpad${digit}`] = `${digit}${digit}`; // also while NumLock is off
});

/** A code without blanks and AIM prefix, its digits half-width; of a source card's address only the 20 digits. */
export function plainCode(text) {
  const bare = text.normalize("NFKC").replace(/\s+/g, "").replace(/^\][A-Za-z][0-9]/, "");
  return /\/b\/([0-9]{20})(?![0-9])/i.exec(bare)?.[1] ?? bare;
}

// --- one burst ---------------------------------------------------------------------------------------------------

const QUIET = { text: "", told: "", last: -Infinity, slowest: 0, scan: false, over: false, field: null, putBack() {} };
let burst = QUIET;
let lastCharacter = -Infinity;
let resting = 0;

const takesKeys = (element) => Boolean(element?.matches?.(FIELDS));

/** The way back to what stands in a field now. */
function keeper(field) {
  if (!takesKeys(field)) return () => {};
  const { value, selectionStart, selectionEnd } = field;
  return (composing) => {
    if (composing) field.blur(); // the input method lets go of what it holds
    if (field.value !== value) {
      field.value = value;
      field.dispatchEvent(new Event(field.matches("select") ? "change" : "input", { bubbles: true }));
    }
    if (composing) field.focus();
    if (typeof selectionStart === "number") field.setSelectionRange(selectionStart, selectionEnd);
  };
}

function isScan(ended) {
  const { text, slowest, scan } = burst;
  if (scan || (slowest <= QUICK_MS && text.length >= (ended ? 3 : 5))) return true;
  return ended ? text.length >= 4 : text.length >= 8 && text.replace(/[^0-9]/g, "").length >= 6;
}

function finish() {
  clearTimeout(resting);
  if (burst.told === burst.text) return;
  burst.told = burst.text;
  burst.putBack(burst.composing);
  document.dispatchEvent(new CustomEvent("scan", { detail: { text: burst.text, field: burst.field } }));
}

// --- keys -----------------------------------------------------------------------------------------------------------

const swallowed = new Set(); // keys that are down, and pressed nothing

function swallow(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
  if (event.type === "keydown") swallowed.add(event.code);
}

/** The character a scanner meant, or an empty text. */
function characterOf(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return "";
  const both = KEYS[event.code];
  if (!both) return event.key?.length === 1 ? event.key : "";
  const seen = event.code.startsWith("Key") && /^[a-z]$/i.test(event.key); // CapsLock counts, too
  return both[Number(seen ? event.key === event.key.toUpperCase() : event.shiftKey)];
}

function character(event, text) {
  const since = event.timeStamp - lastCharacter;
  const gap = event.timeStamp - burst.last;
  lastCharacter = event.timeStamp;
  if (gap > GAP_MS || burst.over) burst = { ...QUIET, field: event.target, putBack: keeper(event.target) };
  else burst.slowest = Math.max(burst.slowest, gap);
  burst.text += text;
  burst.last = event.timeStamp;
  burst.composing ||= event.isComposing;
  if (isScan(false)) {
    burst.scan = true;
    swallow(event);
    clearTimeout(resting);
    resting = setTimeout(finish, REST_MS);
  } else if (!takesKeys(event.target) && (text !== " " || since <= CALM_MS)) {
    swallow(event); // it would mean nothing there
  }
}

function ending(event, near) {
  if (near && isScan(true)) {
    swallow(event);
    Object.assign(burst, { scan: true, over: true, last: event.timeStamp });
    finish();
    return;
  }
  const hasty = event.timeStamp - lastCharacter <= CALM_MS || event.repeat; // a key that is held presses once
  if (event.key !== "Tab" && hasty && !takesKeys(event.target)) swallow(event);
  burst = QUIET;
}

let digits = ""; // of a character that comes as Alt and its number on the keypad

function keyDown(event) {
  if (SILENT.has(event.key)) return;
  const near = event.timeStamp - burst.last <= GAP_MS;
  if (event.altKey && /^Numpad[0-9]$/.test(event.code)) {
    digits += event.code.at(-1);
    if (near) burst.last = event.timeStamp;
    swallow(event);
  } else if (ENDS.has(event.code || event.key)) {
    ending(event, near);
  } else if (event.repeat) {
    burst = QUIET;
  } else if (characterOf(event)) {
    character(event, characterOf(event));
  } else if (near && burst.scan) {
    burst.last = event.timeStamp; // Ctrl+J and the like
    swallow(event);
  } else {
    burst = QUIET;
  }
}

function keyUp(event) {
  if (swallowed.delete(event.code)) swallow(event);
  if (event.key !== "Alt" || !digits) return;
  const number = Number(digits);
  digits = "";
  const bytes = number > 255 ? [(number >> 8) & 255, number & 255] : [number];
  character(event, new TextDecoder("gbk").decode(new Uint8Array(bytes)));
}

/** Handhelds with a scanner of their own put the whole code into the field at once. */
function inserted(event) {
  const text = (event.data ?? "").trim();
  if (event.inputType !== "insertText" || text.length < 8 || text.replace(/[^0-9]/g, "").length < 6) return;
  swallow(event);
  burst = { ...QUIET, text, field: event.target, scan: true, over: true, last: event.timeStamp };
  lastCharacter = event.timeStamp;
  finish();
}

addEventListener("keydown", keyDown, true);
addEventListener("keyup", keyUp, true);
addEventListener("beforeinput", inserted, true);
