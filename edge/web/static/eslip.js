// The slip as a code on the screen, to be scanned by the buyer's phone; and the list of sales, each with what can be done.

import { end } from "./codes.js";
import { board, find, nameOf, onChange, say, yuan } from "./live.js";
import { sumOf, voidsOf } from "./today.js";

const GET_MS = 8000;
const dialog = find("#eslip");
const sales = find("#sales");
const field = find("#sales-text");
const list = find("#sales-found");

/** Show the code of a sale: `url` is what it says, `tx` the sale. */
export function showSlip(url, tx) {
  find("#eslip-code").textContent = end(tx);
  const src = `/api/qr.svg?${new URLSearchParams({ text: url })}`;
  find("#eslip-sight").replaceChildren(Object.assign(new Image(), { id: "eslip-qr", alt: say("e_slip_hint"), src }));
  find("#eslip-print").dataset.subject = tx;
  if (!dialog.open) dialog.showModal();
}

/** The next load lies on the scale: the code of the last slip goes. */
export const nextCustomer = () => dialog.open && dialog.close();

// --- the sales, newest first: those of the station's own day, or what a text finds in all -------------------------------------------------------------------------------------

let asked = 0; // the newest search; answers of older ones are not shown
let resting = 0;

/** What a text looks for: an amount, a time, or the end of a code. */
function wanted(text) {
  const money = /^(\d{1,7})(?:[.。](\d{1,2}))?$/.exec(text);
  if (!text) return {};
  if (/^\d{1,2}[:：]\d{2}$/.test(text)) return { time: text.replace("：", ":").padStart(5, "0") };
  if (money && (text.length < 5 || money[2])) {
    const fen = Number(money[1]) * 100 + Number((money[2] ?? "").padEnd(2, "0"));
    return { least_fen: fen, most_fen: money[2] ? fen : fen + 99 };
  }
  return { code: text };
}

async function search(before = null) {
  const mine = ++asked;
  const text = field.value.trim();
  const { time, ...rest } = wanted(text);
  const today = !text && board.day?.date;
  const kinds = today ? ["trade.completed", "trade.voided"] : ["trade.completed"]; // both add up to the day's total
  const said = find("#sales-said");
  if (!before) list.replaceChildren();
  said.textContent = say("loading");
  find("#sales-more").hidden = true;
  for (let next = before; ; ) {
    const query = new URLSearchParams({
      limit: 50, ...rest, ...(today && { since: today, until: today }), ...(next && { before: next }),
    });
    for (const kind of kinds) query.append("kind", kind);
    const answer = await fetch(`/api/records?${query}`, { signal: AbortSignal.timeout(GET_MS) }).catch(() => null);
    if (mine !== asked) return;
    const step = answer?.ok ? await answer.json() : null;
    if (mine !== asked) return;
    if (!step) return (said.textContent = say("no_answer_try"));
    list.append(...step.records.filter((one) => !time || one.time.slice(11, 16) === time).map(row));
    next = step.next;
    if (list.children.length && next) {
      find("#sales-more").hidden = false;
      find("#sales-more").onclick = () => search(next);
    }
    if (!next || list.children.length) break;
  }
  said.textContent = list.children.length ? "" : say("sales_none");
  drawSum();
}

/** Below the day's list stands its total, as the board has it. */
function drawSum() {
  const day = field.value.trim() ? null : board.day;
  find("#sales-sum").textContent = day ? [sumOf(day), ...(day.voids ? [voidsOf(day)] : [])].join(" · ") : "";
}

onChange((changed) => {
  if (changed.has("day") && sales.open) drawSum();
});

function row(one) {
  const item = document.createElement("li");
  const voids = one.kind === "trade.voided";
  item.className = `paper sale ${voids ? "voids" : one.state}`;
  const what = document.createElement("div");
  what.className = "what";
  const parts = [
    ["b", "", `${voids ? "-" : ""}¥${yuan(one.amount_fen)}`],
    ["span", "time", one.time.slice(5, 16).replace("T", " ")],
    ["span", "code", end(one.code)],
    ["p", "state", `${nameOf(one)}${one.net_g ? ` ${(one.net_g / 1000).toFixed(3)} kg` : ""}${voids ? ` · ${say("void_short")}` : one.state ? ` · ${say("state_voided")}` : ""}`],
  ];
  for (const [tag, className, textContent] of parts) {
    what.append(Object.assign(document.createElement(tag), { className, textContent }), " ");
  }
  const acts = one.state || voids
    ? []
    : [
        Object.assign(document.createElement("button"), { textContent: say("void_short") }),
        Object.assign(document.createElement("button"), { textContent: say("qr_short") }),
      ];
  if (acts.length) {
    acts[0].dataset.void = one.code;
    acts[1].addEventListener("click", () => open(one.seq, one.code));
  }
  for (const button of acts) Object.assign(button, { type: "button", className: "quiet" });
  item.append(what, ...acts);
  return item;
}

async function open(seq, code) {
  const answer = await fetch(`/api/records/${seq}`, { signal: AbortSignal.timeout(GET_MS) }).catch(() => null);
  const said = answer?.ok ? await answer.json() : null;
  if (said) showSlip(said.event.data.url, code);
  else find("#sales-said").textContent = say("no_answer_try");
}

find("#sales-open").addEventListener("click", () => {
  field.value = "";
  field.dataset.takes = "slip"; // while the list is there: else a slip is not for this page
  sales.showModal();
  search();
});
sales.addEventListener("close", () => delete field.dataset.takes);
field.addEventListener("input", () => {
  clearTimeout(resting);
  resting = setTimeout(search, 250);
});
sales.querySelector("form").addEventListener("submit", (event) => {
  if (event.submitter) return;
  event.preventDefault();
});
field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  search();
});
/** A sale was voided: the list says so. */
export const salesChanged = () => sales.open && search();
