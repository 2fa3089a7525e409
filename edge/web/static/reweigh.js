// The fair scale: a slip is read, its goods are put on, and what both say is compared and printed.

import { onCode } from "./codes.js";
import { board, find, fresh, newKey, onChange, post, reach, say, whenKnown, yuan } from "./live.js";

const button = find("#reweigh-go");
const answer = find("#answer");
const field = find("#reweigh-slip");
const names = find("#weight").dataset.scales.split(" ").filter(Boolean);
let scale = names[0];
let slip = null; // as the station said it, with `said`, the text that was scanned
let scanned = { code: "", text: "" }; // what a scan said, and the digits of it that the field shows
let busy = false;
let key = "";

const kilograms = (g) => `${(g / 1000).toFixed(3)} kg`;
const set = (element, text) => element.textContent !== text && (element.textContent = text);
/** Grams of the bag or container that is on the scale, too. */
const tare = () => (/^\d{1,5}$/.test(find("#reweigh-tare").value.trim()) ? Number(find("#reweigh-tare").value) : 0);
const one = () => (board.scales ?? []).find((it) => it.name === scale);

function part(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

// --- the slip ------------------------------------------------------------------------------------------------------

async function look(said) {
  slip = null;
  answer.hidden = true;
  const box = find("#slip-said");
  box.replaceChildren();
  if (!said.trim()) return draw();
  try {
    slip = { ...(await post("/api/slips/look", { slip: said.trim() })), said: said.trim() };
    key = newKey();
    box.replaceChildren(
      part("b", "money", kilograms(slip.slip_g)),
      part("span", "", `¥${yuan(slip.amount_fen)} · ${slip.names.join(", ") || slip.seller}`),
      part("span", "code", `…${slip.slip.slice(-5)} ${slip.sold_at ? slip.sold_at.slice(0, 16).replace("T", " ") : ""}`),
      part("span", "soft", say(slip.known_by === "record" ? "reweigh_own" : "reweigh_signed", { station: slip.station })),
    );
  } catch (error) {
    box.replaceChildren(part("b", "wrong", error.message));
  }
  draw();
}

const inField = () => (field.value && field.value === scanned.code ? scanned.text : field.value);

find("#find-slip").addEventListener("submit", (event) => {
  event.preventDefault();
  look(inField());
});
field.addEventListener("change", () => look(inField()));
onCode({
  slip(code, card, text) {
    scanned = { code, text };
    field.value = code || text;
    look(text);
  },
});

// --- the weight ----------------------------------------------------------------------------------------------------

function whyNot(it) {
  if (!fresh()) return reach();
  if (!names.length) return say("reweigh_none");
  if (busy) return say("why_busy");
  if (!slip) return say("reweigh_no_slip");
  if (!it) return say("weight.no_signal");
  if (!it.sellable) {
    if (it.why === "below_min" && it.net_g === 0) return say("why_empty");
    return say(`weight.${it.why}`, { min: it.min_g / 1000, unit: it.unit || "?", e: `${it.e_g} g` });
  }
  if (tare() >= it.net_g) return say("tare_wrong");
  return "";
}

function draw() {
  const it = one();
  const known = fresh() && it && it.net_g !== null && it.text !== "";
  const panel = find("#weight");
  panel.className = `weight ${!known ? "lost" : it.stable ? "still" : "moving"}`;
  panel.classList.toggle("long", Boolean(known) && it.text.length > 6);
  set(find("#digits"), known ? it.text : "- - -");
  set(find("#unit"), known ? it.unit : "");
  set(find("#steady"), known ? say(it.stable ? "stable" : "moving") : say("no_signal_short"));
  const why = whyNot(it);
  button.setAttribute("aria-disabled", String(Boolean(why)));
  button.classList.toggle("ready", !why);
  set(button, why || say("reweigh_go"));
  for (const text of document.querySelectorAll("[data-of]")) text.hidden = text.dataset.of !== scale;
  for (const it of document.querySelectorAll("[data-scale]")) it.setAttribute("aria-pressed", String(it.dataset.scale === scale));
}

document.addEventListener("click", (event) => {
  const it = event.target.closest("[data-scale]");
  if (it) scale = it.dataset.scale;
  if (it) draw();
});

button.addEventListener("click", async () => {
  const it = one();
  if (whyNot(it)) return;
  const person = document.body.dataset.person ?? find("#reweigh-person").value.trim();
  if (!person) {
    show(say("person_missing"));
    return find("#reweigh-person").focus();
  }
  localStorage.person = person;
  busy = true;
  draw();
  try {
    done(await post("/api/reweighings", { slip: slip.said, scale, seen_g: it.net_g - tare(), tare_g: tare(), person }, key));
  } catch (error) {
    show(error.message);
    whenKnown(error, done, show);
  } finally {
    busy = false;
    draw();
  }
});

function show(text) {
  answer.className = "answer refused";
  answer.replaceChildren(part("b", "", text));
  answer.hidden = false;
}

function done(said) {
  key = newKey();
  find("#reweigh-tare").value = "";
  const apart = `${said.difference_g > 0 ? "+" : ""}${said.difference_g} g`;
  const words = say(said.within ? "reweigh_within" : "reweigh_beyond", { g: said.tolerance_g });
  const which = said.within ? "" : say(said.difference_g < 0 ? "reweigh_short" : "reweigh_more");
  answer.className = `answer ${said.within ? "done" : "refused"}`;
  answer.replaceChildren(
    part("b", "money", apart),
    part("span", "", `${kilograms(said.slip_g)} → ${kilograms(said.net_g)}`),
    part("b", "verdict-said", `${which} ${words}`.trim()),
    part("span", "", say(said.job ? "reweigh_printed" : "recorded")),
    ...(said.verified ? [] : [part("span", "state held", say("reweigh_unverified"))]),
  );
  answer.hidden = false;
}

find("#reweigh-tare").addEventListener("input", draw);
find("#reweigh-person").value = localStorage.person ?? "";
onChange(draw);
draw();
