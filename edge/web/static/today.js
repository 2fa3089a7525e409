// Today's takings on the page, by product on a tap, and the end of a shift.

import { board, find, nameOf, newKey, onChange, post, say, toast, yuan } from "./live.js";
import { ask } from "./void.js";

const kilograms = (g) => `${g < 0 ? "-" : ""}${(Math.abs(g) / 1000).toFixed(3)}`;
const money = (fen) => `${fen < 0 ? "-" : ""}¥${yuan(Math.abs(fen))}`;
const paid = (kind) => (kind ? say(`payment.${kind}`) : say("paid_unsaid"));
let key = newKey(); // of this opening of the dialog
let seen = null; // the shift as the person sees it
let outdated = false; // it was refused: the board brings what it is by now

function cells(tag, ...texts) {
  const row = document.createElement("tr");
  row.append(...texts.map((text, at) => Object.assign(document.createElement(at ? "td" : tag), { textContent: text })));
  return row;
}

/** The day's total in words. */
export const sumOf = (day) =>
  day.counted
    ? say("today_sum", { n: day.slips - day.voids, kg: kilograms(day.net_g), money: money(day.amount_fen) })
    : say("today_counting");

/** What was voided on that day, in words. */
export const voidsOf = (day) => say("today_voids", { n: day.voids, money: money(day.voided_fen) });

function draw() {
  const day = board.day;
  if (!day) return;
  find("#today-words").textContent = sumOf(day);
  if (find("#todays").open) drawProducts(day);
}

function drawProducts(day) {
  find("#todays-title").textContent = say("today_of", { date: day.date });
  find("#todays-rows").replaceChildren(
    ...day.products.map((one) => cells("td", nameOf(one), kilograms(one.net_g), yuan(one.amount_fen), String(one.lines))),
  );
  find("#todays-sum").replaceChildren(
    cells("td", say("shift_total"), kilograms(day.net_g), yuan(day.amount_fen), String(day.slips - day.voids)),
  );
  const more = [
    ...(day.payments.length > 1 || day.payments[0]?.kind ? day.payments.map((one) => `${paid(one.kind)} ${money(one.amount_fen)} (${one.slips})`) : []),
    ...(day.voids ? [voidsOf(day)] : []),
    ...(day.typed ? [say("today_typed", { n: day.typed })] : []),
    ...(day.labels ? [say("today_labels", { n: day.labels, kg: kilograms(day.label_g) })] : []),
  ];
  find("#todays-more").textContent = more.join(" · ");
}

find("#today-open").addEventListener("click", () => {
  if (!board.day) return;
  drawProducts(board.day);
  find("#todays").showModal();
});

// --- the shift -----------------------------------------------------------------------------------------------------

function fenOf(text) {
  const found = /^(\d{1,7})(?:[.。,，](\d{1,2}))?$/.exec(text.trim());
  return found ? Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0")) : null;
}

function drawShift() {
  seen = board.shift;
  find("#shifting-title").textContent = say("shift_title", { n: seen.number });
  const rows = [
    [say("shift_since"), seen.since ? seen.since.slice(5, 16).replace("T", " ") : "–"],
    [say("shift_slips"), String(seen.slips)],
    [say("mass_kg"), kilograms(seen.net_g)],
    ...(seen.voids ? [[say("shift_voids"), `${seen.voids} · ${money(seen.voided_fen)}`]] : []),
    ...(seen.typed ? [[say("shift_typed"), String(seen.typed)]] : []),
    ...(seen.payments.length > 1 || seen.payments[0]?.kind ? seen.payments.map((one) => [paid(one.kind), `${money(one.amount_fen)} (${one.slips})`]) : []),
  ];
  find("#shifting-sums").replaceChildren(
    ...rows.map(([what, value]) => {
      const box = document.createElement("div");
      box.append(
        Object.assign(document.createElement("dt"), { textContent: what }),
        Object.assign(document.createElement("dd"), { textContent: value }),
      );
      return box;
    }),
  );
  find("#shifting-total").textContent = money(seen.amount_fen);
  drawDifference();
}

function drawDifference() {
  const counted = fenOf(find("#shifting-counted").value);
  const apart = counted === null ? null : counted - seen.expected_fen;
  find("#shifting-difference").textContent =
    apart === null ? "" : say(apart ? "shift_apart" : "shift_agrees", { expected: money(seen.expected_fen), apart: money(apart) });
}

find("#shift-open").addEventListener("click", () => {
  if (!board.shift) return;
  key = newKey();
  find("#shifting-counted").value = find("#shifting-wrong").textContent = "";
  find("#shifting-person").value = document.body.dataset.person ?? localStorage.person ?? "";
  outdated = false;
  drawShift();
  find("#shifting").showModal();
});
find("#shifting-counted").addEventListener("input", drawDifference);

ask(
  "shifting",
  null,
  () => {
    const text = find("#shifting-counted").value.trim();
    const counted_fen = text ? fenOf(text) : null;
    const person = find("#shifting-person").value.trim();
    if (text && counted_fen === null) return say("price_wrong");
    if (!person) return say("person_missing");
    localStorage.person = person;
    const { number, slips, amount_fen } = seen;
    const body = { number, seen_slips: slips, seen_fen: amount_fen, person, ...(counted_fen !== null && { counted_fen }) };
    return post("/api/shifts/close", body, key).catch((error) => {
      if (error.known) {
        key = newKey();
        outdated = true;
        drawShift();
      }
      throw error;
    });
  },
  (answer) => toast(say("shift_done", { n: answer.number, money: money(answer.amount_fen) })),
);

onChange((changed) => {
  if (changed.has("day")) draw();
  if (changed.has("shift") && outdated && find("#shifting").open) drawShift();
});
draw();
