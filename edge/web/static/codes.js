// What a scanned code means. It goes to the field that waits for it, or does what the page does with its kind; what it
// did, or why it did nothing, is said.

import { board, find, named, newKey, onChange, post, say } from "./live.js";
import { plainCode } from "./scan.js";

const SAID_MS = 8000;
const LONGEST = 60;

/** Kinds of codes, and what they are called. */
const NAMES = {
  source: "source_code", test: "test_code", operator: "operator_code", product: "product_code",
  container: "container_code", order: "order_code", kept: "cn_kept",
};
const actions = {};

/** What this page does with a code, by its kind: `source`, `test`, `slip`, `operator`, `product`, `container`, `order`, `kept`. */
export const onCode = (more) => Object.assign(actions, more);

/** Take a lot over by its card, short or signed; the answer names its `product`, `source` and `test_code`. */
export const openLot = (card) => post("/api/lots/open", { code: card }, newKey());

export const lotOf = (code) => (board.lots ?? []).find((one) => one.source === code || one.test_code === code);
/** A code as people write it, and its end: as `protocol/city/written.py` does. */
export const grouped = (code) => code.replace(/(.{5})(?=.)/g, "$1 ");
export const end = (code) => `…${code.slice(-5)}`;

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
  document.dispatchEvent(new CustomEvent("scan-told", { detail: refused }));
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

/** The trace code of this kind in a signed token, or an empty text: nine bytes behind type, key and time. */
function codeIn(token, kind) {
  try {
    const bytes = [...atob(token.replaceAll("-", "+").replaceAll("_", "/"))].slice(9, 18);
    const code = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte.charCodeAt(0)), 0n).toString().padStart(20, "0");
    return /^[0-9]{20}$/.test(code) && code[9] === kind ? code : "";
  } catch {
    return "";
  }
}

const containers = JSON.parse(find("[data-containers]")?.dataset.containers ?? "{}");
const stall = JSON.parse(find("[data-stall]")?.dataset.stall ?? "{}");
const isOrder = (text) => (board.orders ?? []).some((one) => one.code === text);

/** Whether it is a label's code, with a weight or a price inside. */
function isLabel(text, code) {
  const digits = text.replace(/\s/g, "");
  if (stall.gs1 && /^(\][A-Za-z]\d)?\(?01\)?\d{14}\(?310\d\)?\d{6}/.test(digits)) return true;
  return /^\d+$/.test(code) && (stall.labels ?? []).some(([prefix, length]) => code.length === length && code.startsWith(prefix));
}

/** What a text is: its `kind`, its plain `code`, and the whole `text` without blanks. */
export function read(said) {
  const code = plainCode(said);
  const text = said.normalize("NFKC").trim();
  const [, way, token] = /\/([jbo])\/([\w-]+)/.exec(code) ?? [];
  if (text in containers) return { kind: "container", code: text, text };
  if (isLabel(text, code)) return { kind: "label", code: text.replace(/\s/g, ""), text: said };
  if (way === "j") return { kind: "slip", code: codeIn(token, "2"), text: said };
  if (way === "b") return { kind: "source", code: codeIn(token, "1"), text: said, card: code };
  if (way === "o" || isOrder(code)) return { kind: "order", code: token ?? code, text: said };
  if (/^LY[0-9]{18}$/.test(text)) return { kind: "kept", code: text, text };
  if (/^[0-9]{20}$/.test(code)) return { kind: { 2: "slip", 3: "test" }[code[9]] ?? "source", code, text: said };
  if (/^[0-9]{13}$/.test(code)) return { kind: "operator", code, text: said };
  if (/^[0-9]{8}$/.test(code)) return { kind: "product", code, text: said };
  return { kind: "other", code, text: said };
}

/** Grams of an empty container, by its code. */
export const tareOf = (code) => containers[code];

// --- where it goes ---------------------------------------------------------------------------------------------------

/** A field's `data-takes` names what it waits for: a kind, `lot` (a choice of lots) or `any` (every text, as it is). */
function fits(field, { kind, code, text }) {
  const wants = field?.dataset?.takes;
  if (wants === "lot") return [...field.options].some((one) => one.value && one.value === lotOf(code)?.test_code);
  if (!code && wants !== "any") return false; // a card of a make we do not know: nothing to write down
  if (wants === "operator" && kind === "label") return /^\d{13}$/.test(code); // it was asked for: a buyer's
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
  tell(named(label, field.matches("select") ? field.selectedOptions[0].textContent : field.value));
}

const seen = (field) => field.getClientRects().length > 0;

function sorry({ kind, code, text }) {
  if (kind === "slip") return say(code ? "scan_slip_n" : "scan_slip", { code: end(code) });
  if (NAMES[kind] && code) return say("scan_not_here", { what: say(NAMES[kind]), code });
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
  else if (actions[what.kind]) actions[what.kind](what.code, what.card, what.text);
  else if (other && what.code) put(other, what);
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

// A browser that reads codes by itself shows a camera in a secure context alone: where one of both is missing, no button
// promises it.
if (isSecureContext && "BarcodeDetector" in globalThis && navigator.mediaDevices?.getUserMedia) import("./camera.js");

// --- codes that are typed or pasted --------------------------------------------------------------------------------

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, ({ target }) => {
    if (!target.matches("input[data-takes]:not([data-takes=any])")) return;
    const what = read(target.value);
    const plain = what.card && what.code ? what.code : plainCode(target.value);
    if (plain !== target.value && (kind === "change" || target.value.includes("/"))) target.value = plain;
  }, true);
}
