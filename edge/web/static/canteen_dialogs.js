// What is asked in dialogs of the canteen: what a line looked like, goods without an order, goods to add.

import { name } from "./canteen_words.js";
import { board, find, grams, post, say, sorry, yuan } from "./live.js";
import { nextParty } from "./party.js";
import { photos } from "./photo.js";
import "./products.js";

let saved = () => {};
export const onSaved = (listener) => (saved = listener);

/** Chips that fill the field they stand under, and buttons that close. */
export function fills() {
  document.addEventListener("click", ({ target }) => {
    const chip = target.closest("[data-fills] button");
    if (chip) find(`#${chip.parentElement.dataset.fills}`).value = chip.value || chip.textContent;
    if (target.closest("[data-close]")) target.closest("dialog").close();
  });
}

// --- a line -----------------------------------------------------------------------------------------------------------

const looking = find("#looking");
const pictures = photos(find("#line-photos"));
let about = null; // {delivery, line, probe}

const number = (text) => (text.trim() === "" ? null : /^\d{1,7}$/.test(text.trim()) ? Number(text) : NaN);

/** Ask what a line looked like. */
export function look(delivery, line) {
  if (!delivery || !line) return;
  about = { delivery: delivery.number, line, probe: line.probe };
  find("#looking-title").textContent = say("cn_line_title", { name: name(line) });
  find("#looking-wrong").textContent = "";
  find("#looking-counts").hidden = !line.unit;
  find("#count-words").textContent = say("cn_delivered_n", { unit: line.unit });
  find("#refused-words").textContent = say("cn_rejected_n", { unit: line.unit });
  const values = {
    count: line.delivered_n || "", "refused-n": line.rejected_n || "", "why-difference": line.why_difference,
    "why-refused": line.reason, sensory: line.sensory, temperature: line.temperature, "best-before": line.best_before,
    batch: line.batch, "line-spec": line.spec, "line-price": line.price_fen === null ? "" : yuan(line.price_fen),
  };
  for (const [id, value] of Object.entries(values)) find(`#${id}`).value = value;
  find("#whole-line").checked = line.refused;
  find("#line-per").textContent = line.unit ? `/${line.unit}` : say(`per.${line.per_g}`);
  drawProbes();
  pictures.clear();
  looking.showModal();
}

function drawProbes() {
  const chips = [];
  for (const probe of board.probes ?? []) {
    const value = probe.measured.find(([what]) => what === "temperature")?.[1];
    if (!probe.up || value === undefined) continue;
    const chip = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: `${probe.name}: ${say("cn_probe", { value })}` });
    chip.addEventListener("click", () => {
      about.probe = probe.name;
      find("#temperature").value = value;
    });
    chips.push(chip);
  }
  find("#probes").replaceChildren(...chips);
}
find("#temperature").addEventListener("input", () => (about.probe = ""));

/** What is different from what the station has. */
function changes() {
  const { line } = about;
  const given = {};
  const put = (key, value, before) => value !== before && (given[key] = value);
  put("why_difference", find("#why-difference").value.trim(), line.why_difference);
  put("refused", find("#whole-line").checked, line.refused);
  put("reason", find("#why-refused").value.trim(), line.reason);
  put("sensory", find("#sensory").value.trim(), line.sensory);
  put("best_before", find("#best-before").value, line.best_before);
  put("batch", find("#batch").value.trim(), line.batch);
  put("spec", find("#line-spec").value.trim(), line.spec);
  const temperature = find("#temperature").value.trim();
  if (about.probe && about.probe !== line.probe) given.probe = about.probe;
  else if (about.probe && temperature !== line.temperature) given.probe = about.probe;
  else if (!about.probe) put("temperature", temperature, line.temperature);
  const price = find("#line-price").value.trim() ? grams(find("#line-price").value.trim()) : null;
  if (price !== null) put("price_fen", price / 10, line.price_fen);
  if (pictures.hashes().length) given.photos = [...new Set([...line.photos, ...pictures.hashes()])].slice(0, 6);
  if (line.unit) {
    const [came, refused] = [number(find("#count").value), number(find("#refused-n").value)];
    if (came !== null) put("delivered_n", came, line.delivered_n);
    put("rejected_n", refused ?? 0, line.rejected_n);
  }
  return given;
}

looking.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = changes();
  if (Object.values(given).some(Number.isNaN) || !Number.isInteger(given.price_fen ?? 0)) {
    find("#looking-wrong").textContent = say("cn_number_wrong");
    return;
  }
  if (pictures.coming()) return (find("#looking-wrong").textContent = say("photo_coming"));
  if (!Object.keys(given).length) return looking.close();
  try {
    await post(`/api/deliveries/${about.delivery}/lines/${about.line.line}/describe`, given);
    looking.close();
    saved();
  } catch (error) {
    find("#looking-wrong").textContent = error.message;
  }
});

// --- without an order -------------------------------------------------------------------------------------------------

const unmatched = find("#unmatched");
let begun = () => {};

export function beginUnmatched(done) {
  begun = done;
  for (const id of ["name", "code", "reason"]) find(`#unmatched-${id}`).value = "";
  find("#unmatched-wrong").textContent = "";
  nextParty("unmatched-name");
  unmatched.showModal();
}

unmatched.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { supplier: find("#unmatched-name").value.trim(), supplier_code: find("#unmatched-code").value.trim(), reason: find("#unmatched-reason").value.trim() };
  const missing = !body.supplier && !body.supplier_code ? "supplier" : !body.reason ? "reason" : "";
  if (missing) {
    find("#unmatched-wrong").textContent = say("field_missing", { field: say(missing) });
    return;
  }
  const go = event.target.querySelector(".main");
  if (go.ariaBusy) return;
  go.ariaBusy = "true";
  try {
    const answer = await post("/api/deliveries", body);
    unmatched.close();
    nextParty("unmatched-name");
    begun(answer.delivery);
  } catch (error) {
    find("#unmatched-wrong").textContent = error.message;
  } finally {
    go.ariaBusy = null;
  }
});

// --- more goods -------------------------------------------------------------------------------------------------------

const adding = find("#adding");
let chosen = () => {};

export function chooseGoods(done) {
  chosen = done;
  adding.showModal();
}

adding.addEventListener("click", ({ target }) => {
  const code = target.closest(".product")?.dataset.code;
  if (!code) return;
  adding.close();
  Promise.resolve(chosen(code)).catch(sorry);
});
