// Samples of dishes that are kept, and kitchen waste: what is typed beside the weight, and the list with its times.

import { askEnd } from "./canteen_end.js";
import { point, tell } from "./codes.js";
import { board, find, post, say } from "./live.js";
import { photos } from "./photo.js";

const setup = JSON.parse(find("#panel").dataset.canteen);
const pictures = photos(find("#waste-photos"));
const KNOWN_DISHES = 12;

function dishes() {
  try {
    const known = JSON.parse(localStorage.dishes ?? "[]");
    return known.filter((one) => typeof one === "string").slice(0, KNOWN_DISHES);
  } catch {
    return [];
  }
}

function drawDishes() {
  find("#dishes").replaceChildren(...dishes().map((dish) => {
    const chip = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: dish });
    chip.dataset.local = "";
    return chip;
  }));
}

const person = (id) => document.body.dataset.person ?? find(id).value.trim();

/** What a sample is of. */
export function keptBody() {
  const dish = find("#dish").value.trim();
  localStorage.dishes = JSON.stringify([dish, ...dishes().filter((one) => one !== dish)].slice(0, KNOWN_DISHES));
  if (find("#kept-person").value.trim()) localStorage.person = find("#kept-person").value.trim();
  drawDishes();
  find("#dish").value = "";
  return { dish, meal: find("#meal").value.trim(), place: find("#place").value.trim(), person: person("#kept-person") };
}

/** Who takes the waste, and what it is. */
export function wasteBody() {
  const kind = find('#waste-kinds [aria-pressed="true"]').dataset.kind;
  localStorage.receiver = find("#receiver").value.trim();
  localStorage.receiverLicence = find("#receiver-licence").value.trim();
  return {
    kind, receiver: localStorage.receiver, licence: localStorage.receiverLicence,
    plate: find("#waste-plate").value.trim(), photos: pictures.hashes(), person: person("#waste-person"),
  };
}

/** Whether a photo of the waste is still on its way. */
export const wasteComing = () => pictures.coming();

/** The waste was handed over: its photos are in the record. */
export const wasteDone = () => pictures.clear();

/** The sample whose label was scanned is shown in the list; where it is none that this station keeps, that is said. */
export function showKept(code) {
  const mine = setup.kept && code.startsWith(setup.kept);
  const button = mine && find(`[data-discard="${Number(code.slice(setup.kept.length))}"]`);
  if (!button) return tell(say("cn_kept_gone"), true);
  point(button.closest("li"));
  tell(button.closest("li").querySelector("b").textContent);
}

let shown = "";
export function drawKept() {
  const kept = board.kept ?? [];
  const due = kept.filter((one) => one.left_s === 0).length;
  find("#kept-due").hidden = due === 0;
  find("#kept-due").textContent = due ? say("cn_due_n", { n: due }) : "";
  const text = JSON.stringify(kept);
  if (text === shown) return;
  shown = text;
  const rows = kept.map((one) => {
    const row = Object.assign(document.createElement("li"), { className: one.left_s ? "row" : "row over" });
    const minutes = Math.round(one.left_s / 60);
    const left = one.left_s ? say("cn_kept_left", { h: Math.floor(minutes / 60), m: minutes % 60 }) : say("cn_kept_over");
    const words = document.createElement("div");
    words.append(
      Object.assign(document.createElement("b"), { textContent: `${one.number}. ${one.dish}` }),
      Object.assign(document.createElement("span"), { className: "more", textContent: ` ${[one.meal, `${one.net_g} g`, one.time.slice(5, 16).replace("T", " "), one.person].filter(Boolean).join(" · ")}` }),
      Object.assign(document.createElement("span"), { className: "left", textContent: one.sure ? left : `${left} · ${say("cn_kept_unsure")}` }),
    );
    const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: say("cn_discard") });
    button.dataset.discard = one.number;
    row.append(words, button);
    return row;
  });
  const none = Object.assign(document.createElement("li"), { className: "empty", textContent: say("cn_kept_none") });
  find("#kept").replaceChildren(...(rows.length ? rows : [none]));
}

document.addEventListener("click", ({ target }) => {
  const number = target.closest("[data-discard]")?.dataset.discard;
  const one = number && (board.kept ?? []).find((kept) => kept.number === Number(number));
  if (one) {
    askEnd({
      title: say("cn_discard_title", { n: one.number, dish: one.dish }), effect: one.left_s ? say("cn_discard_early") : "",
      go: say("cn_discard"), reason: one.left_s > 0, said: say("cn_discarded"),
      done: (body) => post(`/api/kept-samples/${one.number}/discard`, body),
    });
  }
  const dish = target.closest("#dishes button");
  if (dish) find("#dish").value = dish.textContent;
  const meal = target.closest("#meals button");
  if (meal) find("#meal").value = meal.textContent;
  const kind = target.closest("#waste-kinds button");
  if (kind) for (const each of find("#waste-kinds").children) each.setAttribute("aria-pressed", String(each === kind));
});
for (const id of ["#at-kept", "#at-waste"]) find(id).addEventListener("submit", (event) => event.preventDefault());
find("#receiver").value = localStorage.receiver ?? "";
find("#receiver-licence").value = localStorage.receiverLicence ?? "";
for (const id of ["#kept-person", "#waste-person"]) find(id).value = localStorage.person ?? "";
drawDishes();
