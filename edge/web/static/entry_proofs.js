// The vouchers that come with goods: by kind, with a number, what stands on them, or what their own code says.

import { onCode, tell } from "./codes.js";
import { board, find, named, say } from "./live.js";

const LONGEST_NUMBER = 64;
const field = find("#certificate");
const kind = find("#proof-type");
const more = find("#proof-more");
let list = [];
let changed = () => {};

const nameOf = (type) => kind.querySelector(`option[value="${type}"]`)?.textContent ?? type;

/** A text of a voucher's own code, and not a number: an address, or something long. */
const isCode = (text) => text.length > LONGEST_NUMBER || text.includes("://") || /[\n;；]/.test(text);

/** What was typed or scanned and not added yet; null when it is nothing. */
function typed() {
  const text = field.value.trim();
  const said = Object.fromEntries([...more.querySelectorAll("[data-proof]")].map((one) => [one.dataset.proof, one.value.trim()]).filter(([, value]) => value));
  const basis = [...more.querySelectorAll("#basis input:checked")].map((one) => one.value);
  if (!text && !said.issuer) return null;
  return { type: kind.value, ...(isCode(text) ? { code: text } : text && { no: text }), ...said, ...(basis.length && { basis }) };
}

function add() {
  const one = typed();
  if (!one) return field.focus();
  list.push(one);
  field.value = "";
  for (const input of more.querySelectorAll("[data-proof]")) input.value = "";
  for (const input of more.querySelectorAll("#basis input")) input.checked = false;
  more.open = false;
  draw();
}

/** All that is to be sent, also what was not added by hand. */
export const proofs = () => [...list, ...[typed()].filter(Boolean)];

export function setProofs(known) {
  list = known;
  draw();
}

/** The vouchers are those of the truck: what was typed is one of them from now on. */
export function keepProofs() {
  if (typed()) add();
  more.open = false;
}

export const onProofs = (listener) => (changed = listener);

export function shortProof(one) {
  return `${nameOf(one.type)} ${one.no || one.issuer || "QR"}`.trim();
}

/** What the chosen goods need and have not. */
export function drawNeeds(product) {
  const needs = (board.products ?? []).find((one) => one.code === product)?.proofs ?? [];
  const there = new Set(proofs().map((one) => one.type));
  const lacks = needs.filter((one) => !one.split("|").some((type) => there.has(type)));
  const box = find("#needs");
  box.hidden = !lacks.length;
  box.textContent = lacks.length ? named(say("proof_needed"), lacks.map((one) => one.split("|").map(nameOf).join(" / ")).join(" + ")) : "";
  const next = lacks[0]?.split("|")[0];
  if (next && !field.value) kind.value = next;
}

function draw() {
  find("#proofs").replaceChildren(...list.map((one, at) => {
    const item = document.createElement("li");
    const away = document.createElement("button");
    Object.assign(away, { type: "button", className: "quiet", textContent: `${shortProof(one)} ✕`, ariaLabel: say("proof_drop", { name: shortProof(one) }) });
    away.dataset.local = "";
    away.addEventListener("click", () => setProofs(list.filter((_, place) => place !== at)));
    item.append(away);
    return item;
  }));
  changed();
}

/** An address that is none of ours is what a voucher's code says; it is kept and not followed. */
function takeOther(code, card, said) {
  const text = said.trim();
  if (!/^https?:\/\//i.test(text) || text.length > field.maxLength) {
    const plain = text.replace(/\p{C}/gu, "");
    return tell(say("scan_other", { text: plain.length > 60 ? `${plain.slice(0, 60)}…` : plain }), true);
  }
  if (field.value) add();
  field.value = text;
  tell(named(nameOf(kind.value), text.length > 40 ? `${text.slice(0, 40)}…` : text));
  changed();
}

find("#proof-add").addEventListener("click", add);
field.addEventListener("input", () => changed());
onCode({ other: takeOther });
