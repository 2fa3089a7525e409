// The city's price limits, seen before anything is sold: on the product, on the button, and where a price is typed.

import { board, find, onChange, say, yuan } from "./live.js";
import { priceOf } from "./price.js";

const limitOf = (goods) => goods?.limit_fen ?? 0;
const above = (goods, fen) => limitOf(goods) > 0 && fen > limitOf(goods);
const byCode = (code) => (board.products ?? []).find((one) => one.code === code);

const note = Object.assign(document.createElement("p"), { id: "pricing-limit", className: "wrong" });
note.setAttribute("role", "status");
find("#pricing-wrong")?.before(note);

function drawTiles() {
  for (const tile of document.querySelectorAll(".product[data-code]")) {
    const goods = byCode(tile.dataset.code);
    const words = limitOf(goods) ? say(above(goods, goods.price_fen) ? "above_limit" : "limit_is", { price: yuan(goods.limit_fen) }) : "";
    tile.classList.toggle("dear", Boolean(goods) && above(goods, goods.price_fen));
    let said = tile.querySelector(".limit");
    if (!words) said?.remove();
    else {
      if (!said) tile.append((said = Object.assign(document.createElement("small"), { className: "limit" })));
      if (said.textContent !== words) said.textContent = words;
    }
  }
}

function drawButton() {
  const goods = byCode(find(".product[aria-pressed=true]")?.dataset.code);
  find("#sell").classList.toggle("dear", Boolean(goods) && above(goods, priceOf(goods)));
}

function drawTyped() {
  const goods = byCode(find("#pricing").dataset.code);
  const found = /^(\d{1,5})(?:[.。,，](\d{1,2}))?$/.exec(find("#pricing-yuan").value.trim());
  const fen = found ? Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0")) : 0;
  note.textContent = above(goods, fen) ? say("above_limit", { price: yuan(goods.limit_fen) }) : "";
}

function draw() {
  drawTiles();
  drawButton();
  if (find("#pricing").open) drawTyped();
}

document.addEventListener("part", drawTiles);
find("#pricing-yuan")?.addEventListener("input", drawTyped);
for (const kind of ["click", "change"]) document.addEventListener(kind, () => queueMicrotask(draw));
onChange(draw);
