// What label scales sold by themselves: a person says what is not known of it, or that a label is no sale.

import { board, find, newKey, post, say, toast } from "./live.js";
import { ask } from "./void.js";

let asked = null; // the sale in the dialog, and the key of this opening

const field = (name) => find(`#labelling-${name}`);
const lots = (product) => (board.lots ?? []).filter((one) => one.product === product && one.source);
const lotWords = (one) =>
  `${say(`lot.${one.state}`)} · ${one.origin} · ${one.registered.slice(5, 16).replace("T", " ")} · ${(one.left_g / 1000).toFixed(3)} kg`;

function fillLots() {
  const product = field("product").value;
  field("lot").replaceChildren(new Option(say("label_lot_on_sale"), ""), ...lots(product).map((one) => new Option(lotWords(one), one.test_code)));
}

function who(name) {
  const person = document.body.dataset.person ?? find(`#${name}-person`).value.trim();
  if (person) localStorage.person = person;
  return person;
}

function open(name, row) {
  asked = { seq: row.dataset.seq, mass: "mass" in row.dataset, key: newKey() };
  find(`#${name}-facts`).replaceChildren(row.querySelector(".facts-of").cloneNode(true));
  find(`#${name}-wrong`).textContent = "";
  find(`#${name}-person`).value = document.body.dataset.person ?? localStorage.person ?? "";
}

document.addEventListener("click", (event) => {
  const row = event.target.closest(".stray[data-seq]");
  if (row && event.target.closest("[data-match]")) {
    open("labelling", row);
    field("product").value = row.dataset.product;
    field("product").disabled = Boolean(row.dataset.product);
    field("mass").value = "";
    field("mass-row").hidden = !asked.mass;
    field("remember-row").hidden = Boolean(row.dataset.product) || !row.dataset.article;
    field("remember").checked = !field("remember-row").hidden;
    field("remember-words").textContent = say("label_remember", { article: row.dataset.article });
    fillLots();
    find("#labelling").showModal();
  } else if (row && event.target.closest("[data-off]")) {
    open("unlabelling", row);
    find("#unlabelling-reason").value = "";
    find("#unlabelling").showModal();
  }
});
field("product").addEventListener("change", fillLots);

/** Grams of kilograms as they were typed; null for what is none. */
function grams(text) {
  const found = /^(\d{1,4})(?:[.。,，](\d{1,3}))?$/.exec(text.trim());
  return found ? Number(found[1]) * 1000 + Number((found[2] ?? "").padEnd(3, "0")) || null : null;
}

ask(
  "labelling",
  null,
  () => {
    const [product, person] = [field("product").value, who("labelling")];
    const net_g = asked.mass ? grams(field("mass").value) : null;
    if (!product) return say("field_missing", { field: say("product") });
    if (asked.mass && net_g === null) return say("field_missing", { field: say("label_mass") });
    if (!person) return say("person_missing");
    const body = { product, lot: field("lot").value, remember: field("remember").checked, person, ...(net_g && { net_g }) };
    return post(`/api/label-sales/${asked.seq}/match`, body, asked.key);
  },
  (answer) => toast(answer.others ? say("label_done_n", { n: answer.others }) : say("recorded")),
);

ask(
  "unlabelling",
  null,
  () => {
    const person = who("unlabelling");
    if (!person) return say("person_missing");
    return post(`/api/label-sales/${asked.seq}/dismiss`, { reason: find("#unlabelling-reason").value.trim(), person }, asked.key);
  },
  () => toast(say("recorded")),
);
