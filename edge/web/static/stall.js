// The stall: weight, product, lot, sell. A weight is on the screen only while the station says so.

import { stayAwake } from "./awake.js";
import { basketOf, off, paidBy, stall } from "./basket.js";
import { end } from "./codes.js";
import { answered, answersNext, busy, deal, drawAnswer } from "./deal.js";
import "./handing.js";
import { board, find, fresh, nameOf, onChange, post, reach, say, toast, sorry, yuan } from "./live.js";
import { drawLoad, follow, load, nextLoad, otherScale } from "./load.js";
import { firstLot, rememberLot } from "./choice.js";
import { nextParty } from "./party.js";
import { followPrice, forgetPrice, openPrice, priceOf } from "./price.js";
import "./prints.js";
import "./products.js";
import { answerScans } from "./stall_scans.js";
import { plainCode } from "./scan.js";

const panel = find("#weight");
const button = find("#sell");
const names = panel.dataset.scales.split(" ").filter(Boolean);
const chosen = { scale: names.includes(localStorage.scale) ? localStorage.scale : names[0], product: "", lot: "" };
const NONE = "-"; // goods that are sold without a source code
const OFF_THE_PAN = new Set(["sold", "empty_first", "below_min", "underload", "no_signal", "stale", "error"]);
let knewNone = true; // the chosen product had no lot to choose

const scale = () => (board.scales ?? []).find((one) => one.name === chosen.scale);
const product = () => (board.products ?? []).find((one) => one.code === chosen.product);
const per = (one) => say(`per.${one.per_g}`);
const set = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/** Round half up, as the station does (whole numbers below 2^53). */
const amount = (fen, grams, perG) => Math.floor((2 * fen * grams + perG) / (2 * perG));

// --- the weight --------------------------------------------------------------------------------------------------

function drawWeight(one, what) {
  const known = fresh() && (what.free || (one && one.net_g !== null && one.text !== ""));
  const still = known && !what.free && one.stable === true;
  panel.className = `weight ${!known ? "lost" : what.typed || what.label ? "typed" : still || what.pieces ? "still" : "moving"}`;
  panel.classList.toggle("long", Boolean(known) && what.text.length > 6);
  set(find("#digits"), known ? what.text : "- - -");
  set(find("#unit"), known ? what.unit : "");
  let words = fresh() ? say("no_signal_short") : reach();
  if (known && what.typed) words = `${say("typed")} · ${what.typed.reason}`;
  else if (known && what.free) words = what.label ? `${say("of_label")} · ${what.label.code}` : say("how_many");
  else if (known) words = say(still ? "stable" : "moving");
  else if (one && fresh() && one.why && one.why !== "no_signal") words = reason(one);
  set(find("#steady"), words);
  drawLoad(one, what);
  find("#wishes").hidden = !(one && fresh() && one.writable) || what.free;
}

function reason(one, why = one.why) {
  if (one.why === "below_min" && one.net_g === 0) return say("why_empty");
  const key = `weight.${why}`;
  const text = say(key, { min: one.min_g / 1000, unit: one.unit || "?", e: `${one.e_g} g` });
  return text === key ? say("why_other", { why }) : text;
}

// --- the button ----------------------------------------------------------------------------------------------------

/** Why what lies there cannot be sold now, in words; empty when it can. */
function whyNot(one, goods, what) {
  if (!one) return say("weight.no_signal");
  if (what.why === "count") return say("why_count");
  if (!what.free && !one.sellable) return reason(one);
  if (what.why) return reason(one, what.why);
  if (!goods) return say("why_product");
  if (!(priceOf(goods) > 0)) return say("why_price");
  if (!chosen.lot) return say(lotsOf(chosen.product).length ? "choose_lot" : whyNoLot());
  return "";
}

/** Why nothing can be done at all. */
function whyNothing() {
  if (busy()) return say("why_busy");
  if (!fresh()) return reach();
  const buyer = plainCode(find("#buyer-code").value);
  return buyer && !/^\d{13}$/.test(buyer) ? say("why_buyer") : "";
}

/**
 * What the button does now: sell what lies there, with the lines of the list; or, where nothing does, those `alone`.
 * `nothing` and `whyLine` are why no line can be added, `why` why the button does nothing.
 */
function plan() {
  const one = scale();
  const goods = product();
  const what = load(one, goods);
  const basket = one && basketOf(one.name);
  const alone = Boolean(basket) && !what.free && OFF_THE_PAN.has(one.why);
  const [nothing, whyLine] = [whyNothing(), whyNot(one, goods, what)];
  const fen = lineFen(one, goods, what);
  const total = (basket?.amount_fen ?? 0) + (alone ? 0 : fen ?? 0);
  return { one, goods, what, basket, alone, nothing, whyLine, fen, total, lot: chosen.lot === NONE ? "" : chosen.lot,
    why: nothing || (alone ? "" : whyLine) };
}

/** Fen that the line costs which is not sold yet; null while there is none. */
function lineFen(one, goods, what) {
  if (!goods || !fresh() || !one) return null;
  if (what.pieces !== undefined) return what.pieces ? what.pieces * priceOf(goods) : null;
  if (what.label) return what.label.fen;
  return what.g > 0 && (what.typed || one.why !== "sold") ? amount(priceOf(goods), what.g, goods.per_g) : null;
}

function draw() {
  const now = plan();
  const { one, goods, what, fen, why } = now;
  stayAwake(Boolean(fresh() && one && (now.basket || (one.net_g > 0 && one.why !== "sold"))));
  drawWeight(one, what);
  const above = goods?.limit_fen && priceOf(goods) > goods.limit_fen;
  const dear = above ? ` · ${say("above_limit", { price: yuan(goods.limit_fen) })}` : "";
  const each = goods?.by === "piece" ? say("per_piece") : goods && per(goods);
  set(find("#sum-words"), goods ? `${nameOf(goods)} ¥${yuan(priceOf(goods))}${each}${dear}` : "");
  find("#sum-words").classList.toggle("once", Boolean(goods) && priceOf(goods) !== goods.price_fen);
  set(find("#sum-lot"), lotWords(what));
  const rough = !what.free && one?.stable !== true; // not a weight yet
  set(find("#amount"), fen === null ? "" : `${rough ? "≈" : ""}¥${yuan(fen)}`);
  find("#amount").className = rough ? "rough" : "";
  find("#amount").title = say("preview");
  find("#amount").dataset.preview = say("preview");
  find("#reprice").hidden = !goods;
  button.setAttribute("aria-disabled", String(Boolean(why)));
  button.classList.toggle("ready", !why);
  button.classList.toggle("busy", busy());
  set(find("#sell-words"), why || buttonWords(now));
  button.dataset.what = why ? "" : whatWords(now);
  button.classList.toggle("marked", Boolean(what.typed));
  find("#add-line").disabled = Boolean(now.nothing || now.whyLine);
  drawAnswer();
}

function buttonWords({ what, basket, alone }) {
  if (stall.before_slip && !paidBy()) return say("ask_payment");
  if (basket) return say("sell_lines", { n: basket.lines.length + (alone ? 0 : 1) });
  if (what.typed) return say("sell_typed");
  return say(stall.print === "always" ? "sell" : "sell_only");
}

/** Goods, weight and amount, or the amount of all lines, as they stand on the button. */
function whatWords({ goods, what, basket, total }) {
  const less = off(total);
  const rounded = less ? ` (${say("rounded_off", { off: yuan(less) })})` : "";
  return `${basket ? "" : `${nameOf(goods)} ${what.text} ${what.unit} `}¥${yuan(total - less)}${rounded}`;
}

function lotWords(what) {
  if (chosen.lot === NONE) return say("no_source");
  const one = (board.lots ?? []).find((lot) => lot.test_code === chosen.lot);
  if (!one) return "";
  const short = one.left_g >= 0 && what.g > one.left_g;
  const more = short ? say("lot_left", { kg: (one.left_g / 1000).toFixed(3) }) : one.origin.slice(0, 12);
  return `${say("lot")} ${end(one.source ?? "")} ${more}`;
}

/** The load is in a list, or sold: `said` is the sale's answer. */
function done(said) {
  nextLoad();
  forgetPrice();
  if (said) {
    clearBuyer();
    usedUp(said.warnings ?? []);
  }
  if (product()?.by === "piece" || (said && !stall.keep)) choose("");
  draw();
}

/** Nothing is left of the lot: the next one is chosen, and that is said. */
function usedUp(warnings) {
  if (!warnings.some((one) => one.code === "lot_used_up")) return;
  const more = (one) => one.querySelector("input").value !== chosen.lot && Number(one.dataset.left) > 0;
  const next = lotsOf(chosen.product).find(more);
  if (!next) return;
  chosen.lot = next.querySelector("input").value;
  toast(say("next_lot", { name: nameOf(product()), code: next.querySelector(".code").textContent }));
}

// --- products and lots -----------------------------------------------------------------------------------------------

const lotsOf = (code) => [...document.querySelectorAll("#lots label.lot")].filter((one) => one.dataset.product === code);

/** Why the product that is chosen has no lot to choose. */
const whyNoLot = () =>
  document.querySelector(`#lots .held[data-product="${chosen.product}"]`) ? "verdict.unqualified" : "why_no_lot";

function choose(code) {
  if (chosen.product !== code) {
    forgetPrice();
    chosen.product = code;
    chosen.lot = firstLot(code, lotsOf(code));
    answered();
  }
  drawChoice();
  draw();
}

function drawChoice() {
  for (const one of document.querySelectorAll(".product")) {
    one.setAttribute("aria-pressed", String(one.dataset.code === chosen.product));
  }
  for (const one of document.querySelectorAll("#lots .lot")) {
    one.hidden = one.dataset.product !== chosen.product;
  }
  const inputs = lotsOf(chosen.product).map((one) => one.querySelector("input"));
  for (const input of inputs) input.checked = input.value === chosen.lot;
  if (!inputs.some((input) => input.checked)) chosen.lot = ""; // held meanwhile: a person chooses anew
  set(find("#lots-hint"), !chosen.product ? find("#lots-hint").dataset.words : lotsOf(chosen.product).length ? "" : say(whyNoLot()));
}

find("#lots-hint").dataset.words = find("#lots-hint").textContent;
find("#lots").addEventListener("change", (event) => {
  chosen.lot = event.target.value;
  rememberLot(chosen.product, chosen.lot);
  draw();
});
document.addEventListener("part", (event) => {
  if (event.target.id === "lots" || event.target.id === "products") {
    const had = lotsOf(chosen.product).length > 0;
    drawChoice();
    if (!chosen.lot && had && knewNone) chosen.lot = firstLot(chosen.product, lotsOf(chosen.product));
    drawChoice();
  }
  knewNone = lotsOf(chosen.product).length === 0;
  draw();
});

// A tap chooses, and does no more when it comes twice; a long one changes the price, as its key does.
let holding = 0;
let held = false;
const products = find("#products");
products.addEventListener("pointerdown", (event) => {
  const one = event.target.closest(".product");
  held = false;
  clearTimeout(holding);
  if (one) {
    holding = setTimeout(() => {
      held = true;
      choose(one.dataset.code);
      openPrice(product());
    }, 600);
  }
});
for (const kind of ["pointerup", "pointercancel", "pointerleave", "scroll"]) {
  products.addEventListener(kind, () => clearTimeout(holding));
}
addEventListener("scroll", () => clearTimeout(holding), { passive: true });
products.addEventListener("contextmenu", (event) => event.preventDefault());
products.addEventListener("click", (event) => {
  const one = event.target.closest(".product");
  if (!one || held) return;
  choose(one.dataset.code);
  knewNone = lotsOf(chosen.product).length === 0;
});
find("#reprice").addEventListener("click", () => openPrice(product()));

// --- buyer, scale ----------------------------------------------------------------------------------------------------

function clearBuyer() {
  find("#buyer-code").value = find("#buyer-name").value = "";
  nextParty("buyer-name");
  drawBuyer();
}
function drawBuyer() {
  set(find("#buyer-said"), find("#buyer-name").value.trim() || find("#buyer-code").value.trim());
}
find("#buyer-clear").addEventListener("click", () => (clearBuyer(), draw()));
find("#buyer").addEventListener("input", () => (drawBuyer(), draw()));

function drawScales() {
  for (const one of document.querySelectorAll("[data-scale]")) {
    one.setAttribute("aria-pressed", String(one.dataset.scale === chosen.scale));
  }
}
document.addEventListener("click", (event) => {
  const one = event.target.closest("[data-scale]");
  if (one) {
    if (chosen.scale !== one.dataset.scale) otherScale();
    chosen.scale = localStorage.scale = one.dataset.scale;
    drawScales();
    draw();
  }
  const wish = event.target.closest("[data-wish]");
  if (wish) post(`/api/scales/${encodeURIComponent(chosen.scale)}/${wish.dataset.wish}`).catch(sorry);
});

onChange((changed) => {
  if (changed.has("scales")) answersNext(scale());
  draw();
});
// Room for the bar, which lies over the page's end on a phone and grows with an answer; and how high the frame is.
const bar = find(".bar");
const news = find(".news");
new ResizeObserver(() => document.body.style.setProperty("--head", `${news.offsetTop + news.offsetHeight}px`)).observe(news);
new ResizeObserver(() => {
  const over = getComputedStyle(bar).position === "fixed" ? bar.offsetHeight : 0;
  document.documentElement.style.setProperty("--bar", `${over}px`);
}).observe(bar);

/** This lot of the product that is chosen; an empty text is none. */
function chooseLot(code) {
  chosen.lot = code;
  drawChoice();
  draw();
}

follow(draw, scale, busy);
followPrice(draw);
deal({ plan, draw, done, scale });
answerScans({
  choose(code) {
    choose(code);
    knewNone = lotsOf(code).length === 0;
  },
  chooseLot,
  product: () => chosen.product,
});
if ("marketedgeHead" in globalThis) import("./head.js");
drawScales();
drawChoice();
draw();
