// The bench: racks in one press or place by place, reagents, the draw. F2 fills, F4 begins the next rack.

import { board, broughtWords, find, lotName, named, newKey, onChange, post, say, sorry, toast, whenKnown } from "./live.js";
import "./seen.js";
import { whoDoes } from "./who.js";

// --- racks ------------------------------------------------------------------------------------------------------------

const racks = find("#racks");
const rackWrong = find("#rack-wrong");
const leaving = find("#leaving");
let left = ""; // the analyzer whose rack would be left

function said({ put, free, waiting }) {
  toast(say("rack_said", { put, free, waiting }));
}

async function rackDeed(way, analyzer, more = {}) {
  const person = await whoDoes(say("rack_fill"));
  if (!person || !rackWrong) return;
  rackWrong.textContent = "";
  const buttons = racks.querySelectorAll(`[data-${way}="${analyzer}"]`);
  for (const one of buttons) one.disabled = true;
  try {
    said(await post(`/api/racks/${analyzer}/${way}`, { person, ...more }));
  } catch (error) {
    if (error.code === "rack_unfinished") return askLeave(analyzer, error.message);
    rackWrong.textContent = error.message;
    whenKnown(error, said, (words) => (rackWrong.textContent = words));
  } finally {
    for (const one of buttons) one.disabled = false;
  }
}

function askLeave(analyzer, words) {
  left = analyzer;
  find("#leaving-what").textContent = words;
  leaving.showModal();
  find("#leaving-cancel").focus();
}

leaving.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  leaving.close();
  rackDeed("next", left, { leave: true });
});
find("#leaving-cancel").addEventListener("click", () => leaving.close());

racks?.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (!button) return;
  const { fill, next, place } = button.dataset;
  if (fill) rackDeed("fill", fill);
  if (next) rackDeed("next", next);
  if (place) openPlace(button);
});

const KEYS = { F2: "fill", F4: "next" };
document.addEventListener("keydown", (event) => {
  const way = KEYS[event.key];
  const analyzer = racks?.querySelector(`[data-${way}]`)?.dataset[way];
  if (!way || !analyzer || event.repeat || event.altKey || find("dialog[open]")) return;
  event.preventDefault();
  rackDeed(way, analyzer);
});

// --- one place ----------------------------------------------------------------------------------------------------

const CONTROLS = ["blank", "negative", "positive", "spiked"];
const placing = find("#placing");
const what = find("#placing-lot");
let asked = null; // analyzer and place

function openPlace(button) {
  const analyzer = button.closest("[data-analyzer]").dataset.analyzer;
  asked = { analyzer, place: button.dataset.place };
  const waiting = (board.lots ?? []).filter((lot) => lot.state === "pending" && !lot.foreign).reverse();
  const brought = (board.public_samples ?? []).filter((one) => !one.verdict || one.verdict === "suspect");
  what.replaceChildren(
    new Option(say("place_empty"), ""),
    ...CONTROLS.map((kind) => new Option(named(say("control"), say(`control_kind.${kind}`)), `control-${kind}`)),
    ...brought.map((one) => new Option(broughtWords(one), one.code)),
    ...waiting.map((lot) => new Option(`${say("sample")} ${lot.sample} · ${lotName(lot)} · ${lot.supplier}`, lot.test_code)),
  );
  const { lot, kind } = button.dataset;
  what.value = lot || (kind ? `control-${kind}` : "");
  find("#placing-title").textContent = `${analyzer} · ${asked.place}`;
  find("#placing-wrong").textContent = "";
  placing.showModal();
  what.focus();
}

placing.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const control = what.value.startsWith("control-") ? what.value.slice("control-".length) : null;
  const body = { lot: control ? "" : what.value, control, person: localStorage.person ?? "" };
  find("#placing-go").disabled = true;
  try {
    await post(`/api/racks/${asked.analyzer}/places/${encodeURIComponent(asked.place)}`, body);
    placing.close();
  } catch (error) {
    find("#placing-wrong").textContent = error.message;
  } finally {
    find("#placing-go").disabled = false;
  }
});
find("#placing-cancel").addEventListener("click", () => placing.close());

// --- reagents -----------------------------------------------------------------------------------------------------

const opening = find("#opening");
let key = "";

find("#reagent-open").addEventListener("click", () => {
  key = newKey();
  for (const id of ["no", "expires"]) find(`#opening-${id}`).value = "";
  find("#opening-person").value = localStorage.person ?? "";
  find("#opening-wrong").textContent = "";
  opening.showModal();
  find("#opening-no").focus();
});
find("#opening-cancel").addEventListener("click", () => opening.close());
opening.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [reagent, item, expires, person] = ["no", "item", "expires", "person"].map((id) => find(`#opening-${id}`).value.trim());
  const missing = !reagent ? "reagent_no" : !expires ? "reagent_expires" : "";
  find("#opening-wrong").textContent = missing ? say("field_missing", { field: say(missing) }) : person ? "" : say("person_missing");
  if (missing || !person) return;
  localStorage.person = person;
  find("#opening-go").disabled = true;
  const done = ({ used, soon }) => {
    opening.close();
    toast(say(used === reagent ? "reagent_in_use" : "reagent_after", { reagent, used }) + (soon ? ` · ${say("reagent_state.soon")}` : ""));
  };
  try {
    done(await post("/api/reagents", { reagent, item, expires, person }, key));
  } catch (error) {
    find("#opening-wrong").textContent = error.message;
    key = error.known ? newKey() : key;
    whenKnown(error, done, (words) => (find("#opening-wrong").textContent = words));
  } finally {
    find("#opening-go").disabled = false;
  }
});
find("#bench").addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-finish]");
  if (!button) return;
  const person = await whoDoes(say("reagent_finish"));
  if (!person) return;
  button.disabled = true;
  try {
    await post("/api/reagents/finish", { reagent: button.dataset.finish, item: button.dataset.item, person });
  } catch (error) {
    sorry(error);
  } finally {
    button.disabled = false;
  }
});

// --- the draw, and a second look ----------------------------------------------------------------------------------

find("#coverage").addEventListener("click", async ({ target }) => {
  const button = target.closest("#draw");
  if (!button) return;
  const person = await whoDoes(say("draw_button"));
  if (!person) return;
  button.disabled = true;
  try {
    const { drawn, passed } = await post("/api/plan/draw", { person });
    toast(say("draw_said", { drawn: drawn.length, passed: passed.length }));
  } catch (error) {
    sorry(error);
  } finally {
    button.disabled = false;
  }
});
find("#goods").addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-review]");
  if (!button) return;
  const person = await whoDoes(say("review_button"));
  if (!person) return;
  button.disabled = true;
  try {
    await post(`/api/results/${button.dataset.review}/review`, { person });
    toast(say("review_done", { person }));
  } catch (error) {
    sorry(error);
  } finally {
    button.disabled = false;
  }
});

// The page says what the day still lacks, without being opened.
onChange((changed) => {
  if (!changed.has("bench")) return;
  const { control, controls = [], reagents = [] } = board.bench;
  const lacking = control !== "off" && controls.some((one) => one.state !== "valid");
  find("#bench").classList.toggle("asks", lacking || reagents.some((one) => one.state));
});
