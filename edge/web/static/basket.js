// A slip of several lines, how it is rounded and paid. The lines are the station's: they outlast this page and a restart.

import { board, find, newKey, post, say, sorry, toast, yuan } from "./live.js";

const settings = JSON.parse(find("[data-stall]").dataset.stall);
const UNITS = { none: 1, jiao: 10, yuan: 100 };
const NEXT = { none: "jiao", jiao: "yuan", yuan: "none" };
let rounding = settings.rounding;
let redraw = () => {};

export const stall = settings;

/** The open list of a scale, or undefined. */
export const basketOf = (scale) => (board.baskets ?? []).find((one) => one.scale === scale && one.state === "open");

/** What is let off a total, in fen; nothing of one that would be gone. */
export function off(total) {
  const rest = total % UNITS[rounding];
  return rest < total ? rest : 0;
}

/** What is said of a slip beside its lines. */
export function terms() {
  const paid = find("#paid-by").value;
  return { ...(rounding !== settings.rounding && { rounding }), ...(paid && { paid_by: paid }) };
}

export const paidBy = () => find("#paid-by").value;

/** The slip was made: the next one is rounded as the settings say, and nobody has said how it is paid. */
export function nextSlip() {
  rounding = settings.rounding;
  find("#paid-by").value = "";
  drawTerms();
}

function drawTerms() {
  find("#rounding").textContent = say(`rounding.${rounding}`);
  find("#rounding").classList.toggle("on", rounding !== "none");
}

find("#rounding").addEventListener("click", () => {
  rounding = NEXT[rounding];
  drawTerms();
  redraw();
});
find("#paid-by").addEventListener("change", () => redraw());

let sure = "";
const ACTS = {
  park: (number) => post(`/api/baskets/${number}/park`),
  resume: (number) => post(`/api/baskets/${number}/resume`),
  async drop(number, button) {
    if (sure !== number) {
      sure = number;
      button.textContent = say("basket_drop_sure");
      return;
    }
    await post(`/api/baskets/${number}/drop`);
  },
};

/** Draw with `draw`; `paid` is told of a slip that was made of a list that waited for its payment. */
export function followBasket(draw, paid) {
  redraw = draw;
  find("#baskets").addEventListener("click", async ({ target }) => {
    const button = target.closest("button");
    const basket = button?.closest("[data-basket]");
    if (!basket || button.disabled) return;
    const number = basket.dataset.basket;
    button.disabled = true;
    try {
      if (button.dataset.dropLine) await post(`/api/baskets/${number}/lines/${button.dataset.dropLine}/drop`);
      else if (button.dataset.basketAct === "close") {
        const body = { seen_fen: Number(basket.dataset.due), paid_by: paidBy() || settings.payments[0] || "cash" };
        paid(await post(`/api/baskets/${number}/close`, body, newKey()));
      } else await ACTS[button.dataset.basketAct](number, button);
    } catch (error) {
      sorry(error);
    } finally {
      button.disabled = false;
    }
  });
  drawTerms();
}

/** What lies on the scale becomes a line. */
export const addLine = (body, mark) => post("/api/baskets", { ...body, mark });

/** A list waits for its payment; the next customer goes on. */
export async function askPayment(number, body) {
  const said = await post(`/api/baskets/${number}/payment`, body);
  toast(`${say("payment_asked")} ¥${yuan(said.due_fen)}`);
}
