// What is chosen on the stall's page is told to the customer's screen, while there is one.

import { board, find, fresh, onChange, post } from "./live.js";
import { load, saleOf } from "./load.js";
import { priceOf } from "./price.js";

const PAUSE_MS = 150;
let told = "";
let timer = 0;

/** What the page has chosen now. */
function chosen() {
  const scale = find("[data-scale][aria-pressed=true]")?.dataset.scale ?? find("#weight")?.dataset.scales.split(" ")[0] ?? "";
  const code = find(".product[aria-pressed=true]")?.dataset.code;
  const goods = (board.products ?? []).find((one) => one.code === code);
  if (!goods) return { scale };
  const lot = find("#lots input:checked")?.value ?? "";
  const fen = priceOf(goods);
  const what = saleOf(load((board.scales ?? []).find((one) => one.name === scale), goods));
  return {
    scale,
    product: goods.code,
    lot: /^[0-9]{20}$/.test(lot) ? lot : "",
    tare_g: what.tare_g ?? 0,
    pieces: what.pieces ?? 0,
    net_g: what.label || what.manual_g ? what.seen_g : 0,
    ...(fen > 0 && fen !== goods.price_fen && { price_fen: fen }),
  };
}

function tell() {
  timer = 0;
  if (!board.customers || !fresh()) return;
  const body = chosen();
  const text = JSON.stringify(body);
  if (text === told) return;
  told = text;
  post("/api/customer", body).catch(() => (told = ""));
}

const soon = () => (timer ||= setTimeout(tell, PAUSE_MS));
onChange(soon);
for (const kind of ["click", "change"]) document.addEventListener(kind, soon);
