// The gate's scale: loads of the goods that are registered next, less crates of known mass. They stand on the station's
// board until the goods are registered, also after a restart.

import { onCode, tareOf } from "./codes.js";
import { board, find, fresh, grams, newKey, onChange, post, reach, say, sorry } from "./live.js";

const box = find("#weighing");
const net = find("#net");
const button = find("#weigh");
const [crates, each] = [find("#crates"), find("#crate-kg")];
const kilograms = (g) => (g / 1000).toFixed(3);
let busy = false;

const name = () => find("#weigh-scale")?.value ?? "";
const scale = () => (board.scales ?? []).find((one) => one.name === name());
const loads = () => (board.loads ?? []).filter((one) => one.scale === name());

/** The scale that the mass of the form was weighed on; empty where a person declares it. */
export const weighedOn = () => (box && loads().length ? name() : "");

/** Other goods: how many crates they come in is not known yet, what a crate weighs is. */
export function otherGoods() {
  if (!box) return;
  crates.value = "";
  draw();
}

/** Grams of the crates, or null when what stands there is no number of crates or no mass. */
function tare() {
  const count = crates.value.trim();
  if (!count || count === "0") return 0;
  const g = grams(each.value.trim());
  return /^\d{1,3}$/.test(count) && g ? Number(count) * g : null;
}

/** Why what lies there is no load now; empty when it is one. */
function whyNot(one) {
  if (!fresh()) return reach();
  if (!one) return say("weight.no_signal");
  if (tare() === null) return say("crate_wrong");
  if (one.why === "sold") return say("weighed_already");
  if (!one.sellable) return say(`weight.${one.why}`, { min: kilograms(one.min_g ?? 0), unit: one.unit, e: `${one.e_g} g` });
  if (tare() && one.tare_why) return say(`weight.${one.tare_why}`);
  return one.net_g - tare() > 0 ? "" : say("weight.tare");
}

function draw() {
  const one = scale();
  const why = whyNot(one);
  const g = why ? null : one.net_g - tare();
  button.textContent = g === null ? say("weigh") : say("weigh_kg", { kg: kilograms(g) });
  button.setAttribute("aria-disabled", String(Boolean(why)));
  button.classList.toggle("ready", !why);
  const words = why && fresh() && one?.text && one.net_g !== null ? `${one.text} ${one.unit} · ${why}` : why;
  if (find("#weigh-why").textContent !== words) find("#weigh-why").textContent = words;
}

function list() {
  const known = loads();
  find("#loads").replaceChildren(...known.map((one, at) => {
    const item = document.createElement("li");
    const away = document.createElement("button");
    Object.assign(away, { type: "button", className: "quiet", textContent: `${at + 1}: ${kilograms(one.net_g)} kg ✕`, ariaLabel: say("load_drop", { n: at + 1 }) });
    away.addEventListener("click", () => post("/api/loads/drop", { scale: one.scale, number: one.number }).catch(sorry));
    item.append(away);
    return item;
  }));
  if (known.length) net.value = kilograms(known.reduce((sum, one) => sum + one.net_g, 0));
  else if (net.readOnly) net.value = "";
  net.readOnly = known.length > 0;
}

async function weigh() {
  const one = scale();
  if (busy || whyNot(one)) return;
  busy = true;
  const [containers, tare_g] = [tare() ? Number(crates.value) : 0, tare()];
  try {
    await post("/api/loads", { scale: one.name, seen_g: one.net_g - tare_g, tare_g, containers }, newKey());
    find("#register").focus({ preventScroll: true }); // the next press of Enter registers
  } catch (error) {
    sorry(error);
  } finally {
    busy = false;
  }
}

function takeContainer(code) {
  each.value = kilograms(tareOf(code));
  crates.value = String((Number(crates.value) || 0) + 1);
  draw();
}

if (box) {
  let shown = "";
  onChange(() => {
    draw();
    const now = JSON.stringify(loads());
    if (now !== shown) list();
    shown = now;
  });
  button.addEventListener("click", weigh);
  for (const field of [crates, each, find("#weigh-scale")]) field.addEventListener("input", () => (draw(), list()));
  onCode({ container: takeContainer });
  draw();
}
