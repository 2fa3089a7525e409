// What a scanned code means. It goes to the field that waits for it, or does what the page does with its kind; what it
// did, or why it did nothing, is said.

import { board, find, onChange, say } from "./live.js";
import { plainCode } from "./scan.js";

const SAID_MS = 8000;
const LONGEST = 60;

/** Kinds of codes, and what they are called. */
const NAMES = { source: "source_code", test: "test_code", operator: "operator_code", product: "product_code" };
const actions = {};

/** What this page does with a code, by its kind: `source`, `test`, `slip`, `operator`, `product`. */
export const onCode = (more) => Object.assign(actions, more);

export const lotOf = (code) => (board.lots ?? []).find((one) => one.source === code || one.test_code === code);
export const end = (code) => `…${code.slice(-6)}`;

// --- what is said -----------------------------------------------------------------------------------------------

const box = document.createElement("p");
box.id = "scanned";
box.setAttribute("role", "status");
box.setAttribute("popover", "manual"); // above a dialog, too
box.hidden = true;
document.body.append(box);
let saying = 0;

/** Say what came of a scan; `refused`: nothing was done. */
export function tell(text, refused = false) {
  box.textContent = text;
  box.className = `toast ${refused ? "refused" : ""}`;
  box.hidden = false;
  box.hidePopover?.();
  box.showPopover?.();
  clearTimeout(saying);
  saying = setTimeout(() => {
    box.hidePopover?.();
    box.hidden = true;
  }, SAID_MS);
}

/** Show where on the page it is. */
export function point(element) {
  for (const one of document.querySelectorAll(".pointed")) one.classList.remove("pointed");
  element.classList.add("pointed");
  element.scrollIntoView({ block: "center" });
}

// --- what it is -----------------------------------------------------------------------------------------------------

/** The transaction code in a slip's address, or an empty text: nine bytes behind type, key and time. */
function saleIn(token) {
  try {
    const bytes = [...atob(token.replaceAll("-", "+").replaceAll("_", "/"))].slice(9, 18);
    const code = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte.charCodeAt(0)), 0n).toString().padStart(20, "0");
    return /^[0-9]{9}2[0-9]{10}$/.test(code) ? code : "";
  } catch {
    return "";
  }
}

export function read(text) {
  const code = plainCode(text);
  const slip = /\/j\/([\w-]+)/.exec(text);
  if (slip) return { kind: "slip", code: saleIn(slip[1]), text };
  if (/^[0-9]{20}$/.test(code)) return { kind: { 2: "slip", 3: "test" }[code[9]] ?? "source", code, text };
  if (/^[0-9]{13}$/.test(code)) return { kind: "operator", code, text };
  if (/^[0-9]{8}$/.test(code)) return { kind: "product", code, text };
  return { kind: "other", code, text };
}

// --- where it goes ---------------------------------------------------------------------------------------------------

/** A field's `data-takes` names what it waits for: a kind, `lot` (a choice of lots) or `any` (every text, as it is). */
function fits(field, { kind, code, text }) {
  const wants = field?.dataset?.takes;
  if (wants === "lot") return [...field.options].some((one) => one.value && one.value === lotOf(code)?.test_code);
  return wants === "any" ? text.length <= field.maxLength : Boolean(wants) && wants === kind;
}

function put(field, { code, text }) {
  const wants = field.dataset.takes;
  field.value = wants === "any" ? text : wants === "lot" ? lotOf(code).test_code : code;
  for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
  const fold = field.closest("details");
  if (fold) fold.open = true;
  field.scrollIntoView({ block: "center" }); // clear of what is said
  const label = field.closest("label").firstChild.textContent.trim();
  tell(`${label}：${field.matches("select") ? field.selectedOptions[0].textContent : field.value}`);
}

const seen = (field) => field.getClientRects().length > 0;

function sorry({ kind, code, text }) {
  if (kind === "slip") return say(code ? "scan_slip_n" : "scan_slip", { code: end(code) });
  if (NAMES[kind]) return say("scan_not_here", { what: say(NAMES[kind]), code });
  const plain = text.replace(/\p{C}/gu, "");
  return say("scan_other", { text: plain.length > LONGEST ? `${plain.slice(0, LONGEST)}…` : plain });
}

// A field of an open dialog first, then the page's way with this kind, then the page's field for it.
function take({ text, field }) {
  const what = read(text);
  const dialog = find("dialog[open]");
  const waiting = [field, ...(dialog?.querySelectorAll("[data-takes]") ?? [])].find((one) => fits(one, what) && seen(one));
  const other = find(`[data-takes="${what.kind}"]`);
  if (waiting) put(waiting, what);
  else if (dialog) tell(say("scan_dialog"), true);
  else if (actions[what.kind]) actions[what.kind](what.code);
  else if (other) put(other, what);
  else tell(sorry(what), true);
}

let early = null; // scanned before the station has told its lots

document.addEventListener("scan", ({ detail }) => {
  if (board.version !== undefined) return take(detail);
  early = detail;
  tell(say("loading"), true);
});
onChange(() => {
  if (!early || board.version === undefined) return;
  take(early);
  early = null;
});

// --- codes that are typed or pasted --------------------------------------------------------------------------------

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, ({ target }) => {
    if (!target.matches("input[data-takes]:not([data-takes=any])")) return;
    const plain = plainCode(target.value);
    if (plain !== target.value && (kind === "change" || target.value.includes("/"))) target.value = plain;
  }, true);
}
