// What lies on a canteen's scale, less its crates: shown, and counted by one press.

import { wasteComing } from "./canteen_kept.js";
import { kg } from "./canteen_words.js";
import { board, find, fresh, grams, onChange, reach, say } from "./live.js";

const panel = find("#weight");
const names = panel.dataset.scales.split(" ").filter(Boolean);
const setup = JSON.parse(find("#panel").dataset.canteen);
const BROKEN = new Set(["no_signal", "stale", "error"]);
const PAN = { counted: "cn_pan_counted", off_first: "cn_pan_off_first" };
let scaleName = names.includes(localStorage.scale) ? localStorage.scale : names[0];
let crate = { g: 0, n: 0, code: "", keep: true };
let typed = null; // {g, reason}
let rejecting = false;
let redraw = () => {};

const scale = () => (board.scales ?? []).find((one) => one.name === scaleName);
const tare = () => crate.g * crate.n;
export const crateOf = () => crate;

/** A crate was scanned: once more the same one, or another. */
export function setCrate(g, code) {
  crate = { g, code, n: crate.code === code ? crate.n + 1 : 1, keep: crate.keep };
}

const set = (element, text) => element.textContent !== text && (element.textContent = text);

function whyScale(one) {
  if (!fresh()) return reach();
  if (!one) return say("weight.no_signal");
  if (one.new_why && PAN[one.new_why]) return say(PAN[one.new_why]);
  if (one.new_why === "below_min" && one.net_g === 0) return say("why_empty");
  if (one.new_why) return say(`weight.${one.new_why}`, { min: one.min_g / 1000, unit: one.unit || "?", e: `${one.e_g} g` });
  if (tare() && one.tare_why) return say(`weight.${one.tare_why}`);
  return one.new_g - tare() > 0 ? "" : say("weight.tare");
}

function drawWeight(one) {
  const known = fresh() && one && one.net_g !== null && one.text !== "";
  const still = known && one.stable === true;
  panel.className = `weight ${typed ? "typed" : !known ? "lost" : still ? "still" : "moving"}`;
  panel.classList.toggle("long", Boolean(known) && one.text.length > 6);
  set(find("#digits"), typed ? kg(typed.g) : known ? one.text : "- - -");
  set(find("#unit"), typed ? "kg" : known ? one.unit : "");
  set(find("#steady"), typed ? say("typed") : !known ? (one && !fresh() ? whyScale(one) : say("no_signal_short")) : say(still ? "stable" : "moving"));
  const more = known && !typed && one.new_g !== null && (one.new_g !== one.net_g || tare());
  set(find("#newly"), more ? `${say("cn_new", { kg: kg(one.new_g) })} ${tare() ? say("cn_less", { kg: kg(tare()) }) : ""}` : "");
  set(find("#crates-said"), tare() ? ` ${kg(tare())} kg` : "");
  find("#crates-open").classList.toggle("on", tare() > 0);
  find("#rejecting").setAttribute("aria-pressed", String(rejecting));
  set(find("#rejecting"), say(rejecting ? "cn_weigh_in" : "cn_weigh_rejected"));
  find("#typed-open").disabled = !(fresh() && (!one || BROKEN.has(one.new_why)));
}

/** Why nothing can be counted now, in words; empty when it can. */
function whyNot(tab, delivery, line, busy) {
  if (busy) return say("why_busy");
  if (tab === "deliveries" && !line) return say("cn_choose_line");
  if (tab === "deliveries" && line.unit && !line.ordered_g) return say("cn_counted_goods");
  if (typed && tab === "deliveries") return "";
  const why = whyScale(scale());
  if (why) return why;
  if (tab === "kept") {
    if (!find("#dish").value.trim()) return say("field_missing", { field: say("cn_dish") });
    if (net() < setup.sample_g) return say("cn_keep_least", { g: setup.sample_g });
    if (!document.body.dataset.person && !find("#kept-person").value.trim()) return say("person_missing");
  }
  if (tab === "waste") {
    if (wasteComing()) return say("photo_coming");
    if (!find("#receiver").value.trim()) return say("field_missing", { field: say("cn_receiver") });
    if (!document.body.dataset.person && !find("#waste-person").value.trim()) return say("person_missing");
  }
  return "";
}

const net = () => (scale()?.new_g ?? 0) - tare();

export function drawPress(tab, delivery, line, busy) {
  drawWeight(scale());
  const why = whyNot(tab, delivery, line, busy);
  const press = find("#press");
  press.setAttribute("aria-disabled", String(Boolean(why)));
  press.classList.toggle("ready", !why);
  press.classList.toggle("marked", rejecting || Boolean(typed));
  const key = tab === "kept" ? "cn_keep" : tab === "waste" ? "cn_hand_waste" : typed ? "cn_press_typed" : rejecting ? "cn_press_rejected" : "cn_press";
  set(find("#press-words"), why || say(key, { kg: kg(typed ? typed.g : net()), g: net() }));
}

/** What a press orders now; null when it can do nothing. */
export function pressed(tab, delivery, line, busy) {
  if (whyNot(tab, delivery, line, busy)) return null;
  if (tab !== "deliveries") return { scale: scaleName, seen_g: net(), ...(tare() ? { tare_g: tare() } : {}) };
  const kind = rejecting ? "rejected" : "in";
  if (typed) return { scale: scaleName, kind, manual_g: typed.g, reason: typed.reason };
  const crates = crate.code ? { crate: crate.code, crates: crate.n } : { tare_g: tare() };
  return { scale: scaleName, kind, seen_g: net(), ...(tare() ? crates : {}) };
}

/** It was counted: the next load is one that comes in. */
export function onPress() {
  typed = null;
  rejecting = false;
  if (!crate.keep) crate = { g: 0, n: 0, code: "", keep: true };
}

// --- crates, a typed weight, the scale --------------------------------------------------------------------------------

const crates = find("#crates");
find("#crates-open").addEventListener("click", () => {
  find("#crate-kg").value = crate.g ? kg(crate.g) : "";
  find("#crate-n").value = crate.n || 1;
  find("#crate-keep").checked = crate.keep;
  find("#crates-wrong").textContent = "";
  const known = Object.entries(JSON.parse(find("#panel").dataset.containers));
  find("#crates-known").replaceChildren(...known.map(([code, g]) => {
    const chip = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: `${code} ${kg(g)} kg` });
    chip.addEventListener("click", () => Object.assign(find("#crate-kg"), { value: kg(g) }).dataset.code = code);
    return chip;
  }));
  find("#crate-kg").dataset.code = crate.code;
  crates.showModal();
});
find("#crate-kg").addEventListener("input", () => (find("#crate-kg").dataset.code = ""));
find("#crate-n").addEventListener("click", ({ target }) => target.select()); // the next key replaces the usual 1
find("#crates-none").addEventListener("click", () => {
  crate = { g: 0, n: 0, code: "", keep: true };
  crates.close();
  redraw();
});
crates.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const g = grams(find("#crate-kg").value.trim());
  const n = Number(find("#crate-n").value);
  if (!g || !Number.isInteger(n) || n < 1 || n > 999) return set(find("#crates-wrong"), say("cn_number_wrong"));
  crate = { g, n, code: find("#crate-kg").dataset.code, keep: find("#crate-keep").checked };
  crates.close();
  redraw();
});

const typing = find("#typing");
find("#typed-open").addEventListener("click", () => {
  find("#typing-kg").value = find("#typing-wrong").textContent = "";
  typing.showModal();
});
typing.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const g = grams(find("#typing-kg").value.trim());
  const reason = find("#typing-reason").value.trim();
  find("#typing-wrong").textContent = !g ? say("typed_wrong") : !reason ? say("reason_missing") : "";
  if (!g || !reason) return;
  typed = { g, reason };
  typing.close();
  redraw();
});
find("#rejecting").addEventListener("click", () => {
  rejecting = !rejecting;
  redraw();
});

function drawScales() {
  for (const one of document.querySelectorAll("[data-scale]")) {
    one.setAttribute("aria-pressed", String(one.dataset.scale === scaleName));
  }
}
document.addEventListener("click", (event) => {
  const one = event.target.closest("[data-scale]");
  if (!one) return;
  scaleName = localStorage.scale = one.dataset.scale;
  drawScales();
  redraw();
});

/** Draw with `draw` when something here changed. Where the station is set so, a load that stands still is pressed. */
export function weighs(draw, press, ready) {
  redraw = draw;
  document.addEventListener("photos", draw); // one that was on its way is there
  drawScales();
  onChange(() => {
    const one = scale();
    if (typed && fresh() && one && !BROKEN.has(one.new_why)) {
      typed = null;
      redraw();
    }
    if (setup.automatic && !rejecting && !typed && ready() && !whyScale(one) && !document.querySelector("dialog[open]")) press();
  });
}

// Room for the bar, which lies over the page's end on a phone; and how high the frame is.
const bar = find("#bar");
const news = find(".news");
new ResizeObserver(() => document.body.style.setProperty("--head", `${news.offsetTop + news.offsetHeight}px`)).observe(news);
new ResizeObserver(() => {
  const over = getComputedStyle(bar).position === "fixed" ? bar.offsetHeight : 0;
  document.documentElement.style.setProperty("--bar", `${over}px`);
}).observe(bar);
