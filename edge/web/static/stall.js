// The stall: weight, product, lot, sell. A weight is on the screen only while the station says so.

import { end, lotOf, onCode, tell } from "./codes.js";
import { board, find, fresh, link, newKey, onChange, post, say, whenKnown, sorry, yuan } from "./live.js";
import { drawLoad, follow, load, nextLoad, otherScale, saleOf } from "./load.js";
import { plainCode } from "./scan.js";

const panel = find("#weight");
const button = find("#sell");
const answer = find("#answer");
const names = panel.dataset.scales.split(" ").filter(Boolean);
const chosen = { scale: names.includes(localStorage.scale) ? localStorage.scale : names[0], product: "", lot: "" };
let busy = false;
let unsure = null; // a sale whose answer did not come, and its key
let sold = null; // the last sale's answer; `left` once the station has said that this load is sold
let knewNone = true; // the chosen product had no lot to choose

const scale = () => (board.scales ?? []).find((one) => one.name === chosen.scale);
const product = () => (board.products ?? []).find((one) => one.code === chosen.product);
const nameOf = (one) => (document.documentElement.lang === "en" && one.name_en) || one.name;
const per = (one) => say(`per.${one.per_g}`);
const reach = () => ({ lost: "reach_lost", dead: "reach_dead" })[link()] ?? "loading";
const set = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/** Round half up, as the station does (whole numbers below 2^53). */
const amount = (fen, grams, perG) => Math.floor((2 * fen * grams + perG) / (2 * perG));

// --- the weight --------------------------------------------------------------------------------------------------

function drawWeight(one) {
  const what = load(one);
  const known = fresh() && (what.typed || (one && one.net_g !== null && one.text !== ""));
  const still = known && !what.typed && one.stable === true;
  panel.className = `weight ${!known ? "lost" : what.typed ? "typed" : still ? "still" : "moving"}`;
  panel.classList.toggle("long", Boolean(known) && what.text.length > 6);
  set(find("#digits"), known ? what.text : "- - -");
  set(find("#unit"), known ? what.unit : "");
  let words = say(fresh() ? "no_signal_short" : reach());
  if (known && what.typed) words = `${say("typed")} · ${what.typed.reason}`;
  else if (known) words = say(still ? "stable" : "moving");
  else if (one && fresh() && one.why && one.why !== "no_signal") words = reason(one);
  set(find("#steady"), words);
  drawLoad(one);
  find("#wishes").hidden = !(one && fresh() && one.writable);
}

function reason(one, why = one.why) {
  if (one.why === "below_min" && one.net_g === 0) return say("why_empty");
  const key = `weight.${why}`;
  const text = say(key, { min: one.min_g / 1000, unit: one.unit || "?", e: `${one.e_g} g` });
  return text === key ? say("why_other", { why }) : text;
}

// --- the button ----------------------------------------------------------------------------------------------------

/** Why the button cannot be pressed now, in words; empty when it can. */
function whyNot(one, goods) {
  if (busy) return say("why_busy");
  if (!fresh()) return say(reach());
  const what = load(one);
  if (!one) return say("weight.no_signal");
  if (!what.typed && !one.sellable) return reason(one);
  if (what.why) return reason(one, what.why);
  if (!goods) return say("why_product");
  if (!(goods.price_fen > 0)) return say("why_price");
  if (!chosen.lot) return say(lotsOf(chosen.product).length ? "choose_lot" : "why_no_lot");
  const buyer = plainCode(find("#buyer-code").value);
  if (buyer && !/^\d{13}$/.test(buyer)) return say("why_buyer");
  return "";
}

function draw() {
  const one = scale();
  const goods = product();
  drawWeight(one);
  const what = load(one);
  const weight = one && fresh() && what.g > 0 && (what.typed || one.why !== "sold") ? what.g : 0;
  const fen = goods && weight ? amount(goods.price_fen, weight, goods.per_g) : null;
  set(find("#sum-words"), goods ? `${nameOf(goods)} ¥${yuan(goods.price_fen)}${per(goods)}` : "");
  set(find("#sum-lot"), lotWords());
  const rough = !what.typed && one?.stable !== true; // not a weight yet
  set(find("#amount"), fen === null ? "" : `${rough ? "≈" : ""}¥${yuan(fen)}`);
  find("#amount").className = rough ? "rough" : "";
  find("#amount").title = say("preview");
  find("#amount").dataset.preview = say("preview");
  find("#reprice").hidden = !goods;
  const why = whyNot(one, goods);
  button.setAttribute("aria-disabled", String(Boolean(why)));
  button.classList.toggle("ready", !why);
  button.classList.toggle("busy", busy);
  set(find("#sell-words"), why || say(what.typed ? "sell_typed" : "sell"));
  button.classList.toggle("marked", Boolean(what.typed));
  if (sold) drawSold();
}

function lotWords() {
  const one = (board.lots ?? []).find((lot) => lot.test_code === chosen.lot);
  return one ? `${say("lot")} …${(one.source ?? "").slice(-6)} ${one.origin.slice(0, 12)}` : "";
}

async function sell() {
  const one = scale();
  const goods = product();
  if (whyNot(one, goods)) return;
  const body = {
    scale: one.name,
    product: goods.code,
    lot: chosen.lot,
    seen_g: load(one).g,
    ...saleOf(),
    price_fen: goods.price_fen,
    buyer: plainCode(find("#buyer-code").value),
    buyer_name: find("#buyer-name").value.trim(),
  };
  const text = JSON.stringify(body);
  const key = unsure?.text === text ? unsure.key : newKey();
  busy = true;
  sold = null;
  answer.hidden = true;
  draw();
  try {
    recorded(await post("/api/sales", body, key));
  } catch (error) {
    if (error.code !== "not_sent") unsure = error.known ? null : { text, key };
    showError(error.message, error.known);
    whenKnown(error, (said) => unsure?.key === key && recorded(said), (words, state) => {
      if (unsure?.key !== key || busy) return;
      if (state === "not_done") unsure = null;
      showError(words, state === "not_done");
    });
  } finally {
    busy = false;
    draw();
  }
}

function recorded(said) {
  sold = { ...said, left: !scale()?.sellable };
  unsure = null;
  nextLoad();
  clearBuyer();
  navigator.vibrate?.(60);
  draw();
}

function showError(text, known) {
  const words = document.createElement("b");
  words.textContent = text;
  answer.className = `answer ${known ? "refused" : "unsure"}`;
  answer.replaceChildren(words);
  answer.hidden = false;
}

function drawSold() {
  const paper = (board.prints ?? []).find((one) => one.job === sold.job);
  const state = sold.job ? paper?.state ?? "waiting" : "none";
  const text = `${sold.tx} ${state} ${paper?.why ?? ""}`;
  if (answer.dataset.shown === text && !answer.hidden) return;
  answer.dataset.shown = text;
  const parts = [
    ["b", "money", `¥${yuan(sold.amount_fen)}`],
    ["span", "", `${say("recorded")} · ${(sold.net_g / 1000).toFixed(3)} kg`],
    ["span", "code", `${say("slip")} …${sold.tx.slice(-6)}`],
    ["span", `state ${state}`, say(`print.${state}`) + (paper?.why && state !== "printed" ? ` · ${say(`print_why.${paper.why}`)}` : "")],
    ...(sold.left_g < 0 ? [["span", "state held", say("oversold", { kg: (-sold.left_g / 1000).toFixed(3) })]] : []),
  ].map(([tag, className, words]) => {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = words;
    return element;
  });
  answer.className = "answer done";
  answer.replaceChildren(...parts);
  answer.hidden = false;
}

// Always clickable, so that a screen reader and a finger get the reason; `aria-disabled` tells that it does nothing.
button.addEventListener("click", sell);

// --- products and lots -----------------------------------------------------------------------------------------------

const lotsOf = (code) => [...document.querySelectorAll("#lots label.lot")].filter((one) => one.dataset.product === code);

function choose(code) {
  if (chosen.product !== code) {
    chosen.product = code;
    chosen.lot = lotsOf(code)[0]?.querySelector("input").value ?? "";
    if (!busy && !answer.classList.contains("unsure")) [sold, answer.hidden] = [null, true];
  }
  drawChoice();
  draw();
}

function drawChoice() {
  for (const one of document.querySelectorAll(".product")) {
    one.setAttribute("aria-pressed", String(one.dataset.code === chosen.product));
  }
  let offered = 0;
  for (const one of document.querySelectorAll("#lots .lot")) {
    one.hidden = one.dataset.product !== chosen.product;
    offered += one.hidden ? 0 : 1;
  }
  const inputs = lotsOf(chosen.product).map((one) => one.querySelector("input"));
  for (const input of inputs) input.checked = input.value === chosen.lot;
  if (!inputs.some((input) => input.checked)) chosen.lot = ""; // held meanwhile: a person chooses anew
  set(find("#lots-hint"), !chosen.product ? find("#lots-hint").dataset.words : offered ? "" : say("why_no_lot"));
}

find("#lots-hint").dataset.words = find("#lots-hint").textContent;
find("#lots").addEventListener("change", (event) => {
  chosen.lot = event.target.value;
  draw();
});
document.addEventListener("part", (event) => {
  if (event.target.id === "lots" || event.target.id === "products") {
    const had = lotsOf(chosen.product).length > 0;
    drawChoice();
    if (!chosen.lot && had && knewNone) chosen.lot = lotsOf(chosen.product)[0].querySelector("input").value;
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
      openPrice(one.dataset.code);
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
find("#reprice").addEventListener("click", () => openPrice(chosen.product));

// --- the price -----------------------------------------------------------------------------------------------------

const pricing = find("#pricing");
let undoing = 0;

/** "3.5" → 350 fen, or null. */
function fenOf(text) {
  const found = /^(\d{1,5})(?:[.。,，](\d{1,2}))?$/.exec(text.trim());
  return found ? Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0")) || null : null;
}

function openPrice(code) {
  const goods = (board.products ?? []).find((one) => one.code === code);
  if (!goods || pricing.open) return;
  pricing.dataset.code = code;
  set(find("#pricing-name"), nameOf(goods));
  set(find("#pricing-unit"), say(goods.per_g === 500 ? "yuan_per_500g" : "yuan_per_kg"));
  find("#pricing-yuan").value = yuan(goods.price_fen);
  find("#pricing-wrong").textContent = "";
  pricing.showModal();
  find("#pricing-yuan").select();
}

pricing.querySelector("form").addEventListener("submit", (event) => {
  if (event.submitter?.value === "cancel") return;
  event.preventDefault();
  const fen = fenOf(find("#pricing-yuan").value);
  if (fen === null) {
    find("#pricing-wrong").textContent = say("price_wrong");
    return;
  }
  pricing.close();
  const goods = (board.products ?? []).find((one) => one.code === pricing.dataset.code);
  if (goods && goods.price_fen !== fen) changePrice(goods, fen, true);
});
// Enter in the field means save, not the first button of the form.
find("#pricing-yuan").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.isComposing) {
    event.preventDefault();
    find("#pricing-save").click();
  }
});

async function changePrice(goods, fen, undoable) {
  const box = find("#undo");
  const old = goods.price_fen;
  box.hidden = true;
  try {
    await post("/api/prices", { product: goods.code, price_fen: fen });
  } catch (error) {
    sorry(error);
    return;
  }
  if (!undoable) return;
  const values = { name: nameOf(goods), old: yuan(old), new: yuan(fen) };
  box.querySelector("span").textContent = say("price_changed", values);
  const back = box.querySelector("button");
  back.textContent = say("undo", { price: yuan(old) });
  back.onclick = () => changePrice({ ...goods, price_fen: fen }, old, false);
  box.hidden = false;
  clearTimeout(undoing);
  undoing = setTimeout(() => (box.hidden = true), 10000);
}

// --- scans ----------------------------------------------------------------------------------------------------------

/** The goods at hand are of this lot: another one, chosen before, would be wrong, so it goes whatever comes. */
function takeLot(code) {
  const lot = lotOf(code);
  const free = lot?.state === "released" && Boolean(lot.source);
  if (lot) choose(lot.product);
  chosen.lot = free ? lot.test_code : "";
  drawChoice();
  draw();
  const name = lot?.product_name ?? "";
  if (!lot) tell(say("scan_unknown_lot", { code }), true);
  else if (free) tell(say("scan_lot", { name, code: end(lot.source), origin: lot.origin }));
  else tell(`${name} ${end(code)}：${say(lot.state === "held" ? "verdict.unqualified" : `lot.${lot.state}`)}`, true);
}

function takeProduct(code) {
  const goods = (board.products ?? []).find((one) => one.code === code);
  if (!goods) return tell(say("scan_unknown_product", { code }), true);
  choose(code);
  knewNone = lotsOf(code).length === 0;
  tell(`${say("product")}：${nameOf(goods)}`);
}

onCode({ source: takeLot, test: takeLot, product: takeProduct });

// --- buyer, scale ----------------------------------------------------------------------------------------------------

function clearBuyer() {
  find("#buyer-code").value = find("#buyer-name").value = "";
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
  if (sold && changed.has("scales")) {
    if (!scale()?.sellable) sold.left = true;
    else if (sold.left) [sold, answer.hidden] = [null, true]; // the next load
  }
  draw();
});
// Room for the bar, which lies over the page's end on a phone and grows with an answer.
const bar = find(".bar");
new ResizeObserver(() => {
  const over = getComputedStyle(bar).position === "fixed" ? bar.offsetHeight : 0;
  document.body.style.setProperty("--bar", `${over}px`);
}).observe(bar);

follow(draw, scale, () => busy);
drawScales();
drawChoice();
draw();
