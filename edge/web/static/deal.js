// A sale is made: what lies there alone, as a line of a list, or a whole list; and what the station answers to it.

import { addLine, askPayment, followBasket, nextSlip, off, paidBy, stall, terms } from "./basket.js";
import { end } from "./codes.js";
import { nextCustomer, salesChanged, showSlip } from "./eslip.js";
import { board, find, newKey, post, say, whenKnown, yuan } from "./live.js";
import { saleOf } from "./load.js";
import { priceOf } from "./price.js";
import { madeInPlace, replacing } from "./replacing.js";
import { plainCode } from "./scan.js";

const SLIPS = new Set(["slip", "ticket"]);
const HERE = document.body.dataset.printer ?? ""; // of the stall, where one box has several
const answer = find("#answer");
let page = null; // the stall: what is to be sold, and how it is drawn
let waiting = false;
let unsure = null; // what was asked without an answer, and its key
let sold = null; // the last sale's answer; `left` once the station has said that this load is sold

/** Whether an answer is waited for. */
export const busy = () => waiting;

/** Ask the station for one thing at a time; the same again has the same key. Answers whether it was done. */
async function ask(address, body, send, done) {
  const text = JSON.stringify([address, body]);
  const key = unsure?.text === text ? unsure.key : newKey();
  waiting = true;
  sold = null;
  answer.hidden = true;
  page.draw();
  try {
    const said = await send(key);
    unsure = null;
    done(said);
    return true;
  } catch (error) {
    if (error.code !== "not_sent") unsure = error.known ? null : { text, key };
    showError(error.message, error.known);
    const finish = (said) => unsure?.key === key && ((unsure = null), done(said));
    whenKnown(error, finish, (words, state) => {
      if (unsure?.key !== key || waiting) return;
      if (state === "not_done") unsure = null;
      showError(words, state === "not_done");
    });
    return false;
  } finally {
    waiting = false;
    page.draw();
  }
}

const loadOf = ({ one, goods, what, lot }) => ({
  scale: one.name,
  product: goods.code,
  lot,
  ...saleOf(what),
  ...(!what.label && { price_fen: priceOf(goods) }),
});
const more = () => ({
  buyer: plainCode(find("#buyer-code").value),
  buyer_name: find("#buyer-name").value.trim(),
  ...replacing(),
  ...terms(),
});

function sell() {
  const now = page.plan();
  if (now.why) return null;
  if (stall.before_slip && !paidBy()) return payFirst(now);
  const { basket, alone } = now;
  const address = alone ? `/api/baskets/${basket.number}/close` : "/api/sales";
  const body = alone
    ? { ...more(), seen_fen: now.total - off(now.total), alone: true }
    : { ...loadOf(now), ...more(), ...(basket && { basket: basket.number }) };
  return ask(address, body, (key) => post(address, body, key), recorded);
}

function add(now, then = () => {}) {
  const body = loadOf(now);
  return ask("/api/baskets", body, (key) => addLine(body, key), (said) => {
    navigator.vibrate?.(30);
    page.done(null);
    then(said);
  });
}

/** The payment comes before the slip: what lies there is a line, and the list waits. */
async function payFirst(now) {
  let [number, total] = [now.basket?.number, now.total];
  const take = (said) => ([number, total] = [said.basket, said.amount_fen]);
  if (!now.alone && !(await add(now, take))) return;
  const body = { ...more(), seen_fen: total - off(total) };
  delete body.paid_by;
  await ask("/payment", [number, body], () => askPayment(number, body), () => {
    madeInPlace();
    nextSlip();
    page.done({});
  });
}

function recorded(said) {
  sold = { ...said, left: !page.scale()?.sellable };
  madeInPlace();
  nextSlip();
  if (stall.print === "never") showSlip(said.url, said.tx);
  navigator.vibrate?.(60);
  page.done(said);
}

// --- what is answered ----------------------------------------------------------------------------------------------

/** Another product is chosen: what was said of the last sale goes. */
export function answered() {
  if (!waiting && !answer.classList.contains("unsure")) [sold, answer.hidden] = [null, true];
}

/** The scale says something new: the next load ends what is said of the last sale. */
export function answersNext(scale) {
  if (!sold) return;
  if (!scale?.sellable) sold.left = true;
  else if (sold.left) {
    [sold, answer.hidden] = [null, true];
    nextCustomer();
  }
}

function showError(text, known) {
  const words = document.createElement("b");
  words.textContent = text;
  answer.className = `answer ${known ? "refused" : "unsure"}`;
  answer.replaceChildren(words);
  answer.hidden = false;
}

function element(tag, className, textContent, more = {}) {
  return Object.assign(document.createElement(tag), { className, textContent, ...more });
}

/** How the last sale stands, and what became of the newest slip. */
export function drawAnswer() {
  if (sold) drawSold();
  drawLast();
}

function drawSold() {
  const paper = (board.prints ?? []).find((one) => one.job === sold.job);
  const state = sold.job ? paper?.state ?? "waiting" : "none";
  const text = `${sold.tx} ${state} ${paper?.why ?? ""}`;
  if (answer.dataset.shown === text && !answer.hidden) return;
  answer.dataset.shown = text;
  const why = paper?.why && state !== "printed" ? ` · ${say(`print_why.${paper.why}`)}` : "";
  const off = sold.rounded_fen ? ` · ${say("rounded_off", { off: yuan(sold.rounded_fen) })}` : "";
  const lines = sold.lines > 1 ? ` · ${say("basket_sum", { n: sold.lines })}` : "";
  const unasked = !sold.job && stall.print !== "always";
  answer.className = "answer done";
  answer.replaceChildren(
    element("b", "money", `¥${yuan(sold.amount_fen)}`),
    element("span", "", `${say("recorded")} · ${(sold.net_g / 1000).toFixed(3)} kg${lines}${off}`),
    element("span", "code", `${say("slip")} ${end(sold.tx)}`),
    ...(unasked ? [choices(sold)] : [element("span", `state ${state}`, say(`print.${state}`) + why)]),
    ...(sold.left_g < 0 ? [element("span", "state held", say("oversold", { kg: (-sold.left_g / 1000).toFixed(3) }))] : []),
  );
  answer.hidden = false;
}

/** Nothing was printed unasked: on paper, or on the screen. */
function choices({ url, tx }) {
  const box = element("span", "choices", "");
  const paper = element("button", "quiet", say("print_slip"), { type: "button" });
  Object.assign(paper.dataset, { print: "slip", subject: tx });
  const screen = element("button", "quiet", say("e_slip"), { type: "button", id: "eslip-open" });
  screen.addEventListener("click", () => showSlip(url, tx));
  box.append(paper, screen);
  return box;
}

function drawLast() {
  const one = answer.hidden || !answer.classList.contains("done") ? (board.prints ?? []).find((paper) => SLIPS.has(paper.paper) && ["", paper.printer].includes(HERE)) : null;
  const box = find("#last");
  const text = one ? `${one.job} ${one.state}` : "";
  if (box.dataset.shown === text) return;
  box.dataset.shown = text;
  box.replaceChildren();
  if (!one) return;
  box.append(`${say("last_slip")} `, element("span", "code", end(one.code)), " ", element("span", `state ${one.state}`, say(`print.${one.state}`)));
}

/** Make the sales of this page: it says what is to be sold (`plan`), draws itself, and goes on when it is `done`. */
export function deal(stallPage) {
  page = stallPage;
  // Always clickable, so that a screen reader and a finger get the reason; `aria-disabled` tells that it does nothing.
  find("#sell").addEventListener("click", sell);
  find("#add-line").addEventListener("click", () => {
    const now = page.plan();
    if (!now.nothing && !now.whyLine) add(now);
  });
  followBasket(page.draw, recorded);
  document.addEventListener("voided", salesChanged);
}
