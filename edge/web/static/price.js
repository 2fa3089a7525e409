// A product's price: for this sale alone, or from now on and for everybody, which can be taken back.

import { board, find, nameOf, post, say, sorry, yuan } from "./live.js";

const UNDO_MS = 10_000;
const dialog = find("#pricing");
const field = find("#pricing-yuan");
const wrong = find("#pricing-wrong");
let once = null; // {product, fen} of this sale
let redraw = () => {};
let undoing = 0;

/** What this sale is at. */
export const priceOf = (goods) => (once?.product === goods.code ? once.fen : goods.price_fen);

/** The next sale is at everybody's price. */
export const forgetPrice = () => (once = null);

/** Draw with `draw` when the price of this sale changed. */
export const followPrice = (draw) => (redraw = draw);

/** "3.5" → 350 fen, or null. */
function fenOf(text) {
  const found = /^(\d{1,5})(?:[.。,，](\d{1,2}))?$/.exec(text.trim());
  return found ? Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0")) || null : null;
}

export function openPrice(goods) {
  if (!goods || dialog.open) return;
  dialog.dataset.code = goods.code;
  find("#pricing-name").textContent = nameOf(goods);
  find("#pricing-unit").textContent = say(goods.per_g === 500 ? "yuan_per_500g" : "yuan_per_kg");
  field.value = yuan(priceOf(goods));
  wrong.textContent = "";
  dialog.showModal();
  field.focus();
  field.select();
}

dialog.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const fen = fenOf(field.value);
  if (fen === null) {
    wrong.textContent = say("price_wrong");
    return;
  }
  dialog.close();
  const goods = (board.products ?? []).find((one) => one.code === dialog.dataset.code);
  if (!goods) return;
  once = null;
  if (event.submitter?.value === "once") once = { product: goods.code, fen };
  else if (goods.price_fen !== fen) changePrice(goods, fen, true);
  redraw();
});
find("#pricing-cancel").addEventListener("click", () => dialog.close());
// Enter in the field means save, not the first button of the form.
field.addEventListener("keydown", (event) => {
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
  undoing = setTimeout(() => (box.hidden = true), UNDO_MS);
}
