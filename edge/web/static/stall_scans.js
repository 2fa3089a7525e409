// What the stall does with a code: the lot of a card, a product, a container. A buyer's goes to its field.

import { end, lotOf, onCode, openLot, read, tareOf, tell } from "./codes.js";
import { board, find, lotName, named, nameOf, post, say } from "./live.js";
import { takeLabel, takeTare } from "./load.js";

let page = null; // how a product and its lot are chosen
let opening = null; // a card that was scanned, and the lot it opens

/** The goods at hand are of this lot: another one, chosen before, would be wrong, so it goes whatever comes. */
function takeLot(code, card = code) {
  const lot = lotOf(code);
  const free = lot?.state === "released" && Boolean(lot.source) && !lot.why;
  opening = null;
  if (lot) page.choose(lot.product);
  page.chooseLot(free ? lot.test_code : "");
  if (!lot) takeOver(card);
  else if (free) tell(say("scan_lot", { name: lotName(lot), code: end(lot.source), origin: lot.origin }));
  else tell(named(`${lotName(lot)} ${end(code)}`, heldWords(lot)), true);
}

function heldWords(lot) {
  const why = say(lot.why ? `lot_why.${lot.why}` : `lot.${lot.state}`);
  return lot.stop ? named(why, lot.stop) : why;
}

/** A card of another box: its lot is opened here; it is chosen once the station shows it. */
async function takeOver(card) {
  const asked = (opening = { card, lot: "" });
  tell(say("lot_opening"));
  try {
    const said = await openLot(card);
    if (opening !== asked) return;
    asked.lot = said.test_code;
    page.choose(said.product);
    const values = { name: said.product_name, code: end(said.source), kg: (said.left_g / 1000).toFixed(3) };
    if (said.disputed) tell(named(said.product_name, say("lot_why.disputed")), true);
    else tell(say(said.opened ? "lot_opened" : "lot_here", values));
    chooseOpened();
  } catch (error) {
    if (opening !== asked) return;
    opening = null;
    tell(error.code === "no_lot" ? say("scan_unknown_lot", { code: read(card).code || end(card) }) : error.message, true);
  }
}

function chooseOpened() {
  const input = opening?.lot && document.getElementById(`lot-${opening.lot}`);
  if (!input) return;
  page.choose(input.closest(".lot").dataset.product);
  page.chooseLot(opening.lot);
  opening = null;
}

function takeProduct(code) {
  const goods = (board.products ?? []).find((one) => one.code === code);
  if (!goods) return tell(say("scan_unknown_product", { code }), true);
  page.choose(code);
  tell(named(say("product"), nameOf(goods)));
}

function takeContainer(code) {
  const wrong = takeTare(tareOf(code));
  tell(wrong || named(say("tare_mass"), `${(tareOf(code) / 1000).toFixed(3)} kg · ${code}`), Boolean(wrong));
}

/** A label says what it is and what it weighs or costs; the button sells it. */
async function takeCode(code) {
  tell(say("label_reading"));
  try {
    const said = await post("/api/labels", { code });
    page.choose(said.product);
    takeLabel({ code, g: said.net_g, fen: said.amount_fen, product: said.product });
    tell(named(said.product_name, `${(said.net_g / 1000).toFixed(3)} kg`));
  } catch (error) {
    tell(error.message, true);
  }
}

find("#lots").addEventListener("click", ({ target }) => {
  const one = target.closest("[data-open]");
  if (one) takeOver(one.dataset.open); // of a lot that the market's gate offers
});
document.addEventListener("part", (event) => event.target.id === "lots" && chooseOpened());

/** Answer scans; `choose` a product, `chooseLot` one of its lots. */
export function answerScans(stall) {
  page = stall;
  onCode({ source: takeLot, test: takeLot, product: takeProduct, container: takeContainer, label: takeCode });
}
