// Results at the gate: who does it, the whole-plant step, results without a lot, and the channel plan.

import { grouped } from "./codes.js";
import { board, broughtWords, find, lotName, named, newKey, onChange, post, say, whenKnown, sorry, toast } from "./live.js";

const CALM_MS = 600; // a double tap must not press the button that comes next

// --- the person, remembered on this device -------------------------------------------------------------------------

const person = find("#person");
person.value = localStorage.person ?? "";

function remember(name) {
  localStorage.person = person.value = name;
  drawPlants();
}

function drawPlants() {
  const buttons = document.querySelectorAll("[data-plant]");
  const name = person.value.trim();
  find("#person-row").hidden = buttons.length === 0;
  for (const one of buttons) one.textContent = name ? say("done_by", { person: name }) : say("done_button");
}

person.addEventListener("input", () => {
  localStorage.person = person.value.trim();
  find("#person-wrong").textContent = "";
  drawPlants();
});

find("#goods").addEventListener("click", async (event) => {
  const one = event.target.closest("[data-plant]");
  if (!one) return;
  const name = person.value.trim();
  if (!name) {
    find("#person-wrong").textContent = say("person_missing");
    person.focus();
    return;
  }
  one.disabled = true;
  try {
    await post(`/api/lots/${one.dataset.plant}/whole-plant`, { person: name });
    toast(say("noted", { what: `${say("whole_plant_done")} · ${name}` }));
  } catch (error) {
    sorry(error);
  } finally {
    one.disabled = false;
  }
});

// --- which lot -------------------------------------------------------------------------------------------------------

const lotOf = (code) => (board.lots ?? []).find((one) => one.test_code === code);
const broughtOf = (code) => (board.public_samples ?? []).find((one) => one.code === code);
const lotWords = (one) =>
  `${say("sample")} ${one.sample} · ${lotName(one)} · ${one.supplier} · ${one.registered.slice(5, 16).replace("T", " ")}`;

/** Offer the lots, those that wait for a result first, and what else there is; what was chosen stays chosen. */
function fillLots(select, ...others) {
  const kept = select.value;
  const groups = ["pending", "held", "released"].map((state) => {
    const group = document.createElement("optgroup");
    group.label = say(`lot.${state}`);
    for (const one of (board.lots ?? []).filter((lot) => lot.state === state)) {
      group.append(new Option(lotWords(one), one.test_code));
    }
    return group;
  });
  select.replaceChildren(new Option(say("choose"), ""), ...groups.filter((group) => group.children.length), ...others);
  select.value = kept;
  if (select.selectedIndex < 0) select.value = "";
}

// --- a result that matches no lot ---------------------------------------------------------------------------------

const NOBODY = "-"; // in the list of lots: it is of none here
const CONTROL = "control-"; // it is of a control of this kind
const CONTROLS = ["blank", "negative", "positive", "spiked"];
const isControl = (value) => value.startsWith(CONTROL);
const dialog = find("#matching");
const go = find("#matching-go");
const wrong = find("#matching-wrong");
let asked = null; // the result in the dialog
let sure = null; // what is sent when it is confirmed
let unsure = null; // a request whose answer did not come, and its key

function openMatch(stray) {
  asked = { seq: stray.dataset.seq, ask: "ask" in stray.dataset, unread: "unread" in stray.dataset };
  find("#matching-facts").replaceChildren(stray.querySelector(".facts-of").cloneNode(true));
  find("#matching-lot").value = "";
  fillMatching();
  find("#matching-lot").value = stray.dataset.lot;
  if (find("#matching-lot").selectedIndex < 0) find("#matching-lot").value = "";
  find("#matching-reason").value = "";
  drawAsked();
  for (const one of dialog.querySelectorAll("[name=verdict]")) one.checked = false;
  find("#matching-person").value = person.value.trim() || (localStorage.person ?? "");
  step(null);
  dialog.showModal();
  find("#matching-lot").focus();
}

const fillMatching = () => fillLots(
  find("#matching-lot"),
  new Option(say("no_lot_here"), NOBODY),
  ...CONTROLS.map((kind) => new Option(named(say("control"), say(`control_kind.${kind}`)), CONTROL + kind)),
  ...(board.public_samples ?? []).map((one) => new Option(broughtWords(one), one.code)),
);

/** What this code names, in words: a lot, or food that somebody brought. */
const wordsOf = (code) => (lotOf(code) ? lotWords(lotOf(code)) : broughtWords(broughtOf(code)));

/** What is asked depends on the lot: its items, or why it is nobody's. */
function drawAsked() {
  const chosen = find("#matching-lot").value;
  const nobody = chosen === NOBODY;
  const known = broughtOf(chosen) ? board.bench.items : lotOf(chosen)?.missing;
  const items = asked.unread ? known ?? [] : [];
  find("#matching-verdict").hidden = !asked.ask || nobody || isControl(chosen);
  find("#matching-reason-row").hidden = !nobody;
  find("#matching-item-row").hidden = items.length < 2;
  find("#matching-item").replaceChildren(...items.map((name) => new Option(name)));
}

/** Ask (`body` null), or ask again whether it is right: this releases or holds goods. */
function step(body) {
  sure = body;
  wrong.textContent = "";
  find("#matching-ask").hidden = Boolean(body);
  find("#matching-sure").hidden = !body;
  find("#matching-title").textContent = say(body ? "check_match" : "which_lot");
  find("#matching-back").textContent = say(body ? "back" : "cancel");
  go.textContent = say(body ? "confirm_match" : "go_on");
  go.disabled = true;
  setTimeout(() => (go.disabled = false), body ? CALM_MS : 0);
  if (!body) return;
  if (body.control) {
    find("#matching-what").textContent = named(say("control"), say(`control_kind.${body.control}`));
    find("#matching-effect").textContent = say("will.control");
    find("#matching-back").focus();
    return;
  }
  find("#matching-what").textContent = body.lot ? wordsOf(body.lot) : named(say("no_lot_here"), body.reason);
  find("#matching-effect").textContent = say(!body.lot ? "will.dismiss" : broughtOf(body.lot) ? "will.brought" : body.verdict ? `will.${body.verdict}` : "will.judge");
  find("#matching-back").focus(); // a second Enter takes back, it does not confirm
}

function readMatch() {
  const verdict = dialog.querySelector("[name=verdict]:checked");
  const name = find("#matching-person").value.trim();
  if (find("#matching-lot").value === NOBODY) {
    const reason = find("#matching-reason").value.trim();
    if (!reason) return [say("field_missing", { field: say("reason") }), "#matching-reason"];
    return name ? { person: name, reason } : [say("person_missing"), "#matching-person"];
  }
  if (isControl(find("#matching-lot").value)) {
    const control = find("#matching-lot").value.slice(CONTROL.length);
    return name ? { person: name, control } : [say("person_missing"), "#matching-person"];
  }
  const body = {
    lot: find("#matching-lot").value,
    person: name,
    verdict: asked.ask ? verdict?.value ?? "" : "",
    item: find("#matching-item").value,
  };
  if (!lotOf(body.lot) && !broughtOf(body.lot)) return [say("choose_lot"), "#matching-lot"];
  if (asked.ask && !verdict) return [say("reading_missing"), "[name=verdict]"];
  if (!body.person) return [say("person_missing"), "#matching-person"];
  return body;
}

async function confirmMatch() {
  const body = sure;
  const address = `/api/results/${asked.seq}/${body.control ? "control" : body.lot ? "match" : "dismiss"}`;
  const text = address + JSON.stringify(body);
  const key = unsure?.text === text ? unsure.key : newKey();
  const name = body.lot ? wordsOf(body.lot) : say(body.control ? `control_kind.${body.control}` : "no_lot_here");
  const matched = (said) => {
    unsure = null;
    if (sure === body) dialog.close();
    showMatched(said, name);
  };
  wrong.textContent = "";
  go.disabled = true;
  try {
    matched(await post(address, body, key));
  } catch (error) {
    if (error.code !== "not_sent") unsure = error.known ? null : { text, key };
    wrong.textContent = error.message;
    whenKnown(error, (said) => unsure?.key === key && matched(said), (words, state) => {
      if (unsure?.key !== key) return;
      if (state === "not_done") unsure = null;
      wrong.textContent = words;
    });
  } finally {
    go.disabled = false;
  }
}

function showMatched(said, name) {
  const words = document.createElement("p");
  words.textContent = named(say("matched"), name);
  const verdict = document.createElement("b");
  verdict.textContent = !said.verdict ? "" : say(`verdict.${said.verdict}`) + (said.source ? ` · ${say("source_code")} ${grouped(said.source)}` : "");
  const box = find("#matched");
  box.className = `answer ${["qualified", undefined].includes(said.verdict) ? "done" : "refused"}`;
  box.replaceChildren(words, verdict);
  box.hidden = false;
  drawStrays();
}

function drawStrays() {
  find("#unmatched").hidden = !find("#strays").children.length && find("#matched").hidden;
}

dialog.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (go.disabled) return;
  if (sure) {
    confirmMatch();
    return;
  }
  const body = readMatch();
  if (Array.isArray(body)) {
    wrong.textContent = body[0];
    dialog.querySelector(body[1]).focus();
    return;
  }
  remember(body.person);
  step(body);
});
find("#matching-back").addEventListener("click", () => (sure ? step(null) : dialog.close()));
find("#matching-lot").addEventListener("change", drawAsked);
find("#strays").addEventListener("click", (event) => {
  const one = event.target.closest("[data-match]");
  if (one) openMatch(one.closest(".stray"));
});

// --- the channel plan ------------------------------------------------------------------------------------------------

const planning = find("#planning");

const fillPlan = () => fillLots(
  find("#plan-lot"),
  ...(board.public_samples ?? []).filter(({ verdict }) => !verdict || verdict === "suspect")
    .map((one) => new Option(broughtWords(one), one.code)),
);

/** The next channel and the next lot that lies in none: a row is filled by pressing one button. */
function offerNext(channel) {
  find("#plan-channel").value = /^\d{1,3}$/.test(channel) ? String(Number(channel) + 1) : "";
  const taken = new Set((board.plan ?? []).map((row) => row[2]));
  const waiting = (board.lots ?? []).filter((one) => one.state === "pending" && !taken.has(one.test_code));
  find("#plan-lot").value = waiting.at(-1)?.test_code ?? ""; // the oldest first
}

async function plan(body) {
  find("#plan-wrong").textContent = "";
  try {
    await post("/api/channels", body);
    return true;
  } catch (error) {
    find("#plan-wrong").textContent = error.message;
    whenKnown(error, () => (find("#plan-wrong").textContent = ""), (words) => (find("#plan-wrong").textContent = words));
    return false;
  }
}

planning?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = {
    analyzer: find("#plan-analyzer").value,
    channel: find("#plan-channel").value.trim(),
    lot: find("#plan-lot").value,
  };
  if (!body.channel || !body.lot) {
    find("#plan-wrong").textContent = say(body.channel ? "choose_lot" : "channel_missing");
    find(body.channel ? "#plan-lot" : "#plan-channel").focus();
    return;
  }
  find("#plan-save").disabled = true;
  const done = await plan(body);
  find("#plan-save").disabled = false;
  if (done) {
    board.plan = [...(board.plan ?? []), [body.analyzer, body.channel, body.lot]]; // until the station says so itself
    offerNext(body.channel);
  }
});
find("#plans")?.addEventListener("click", (event) => {
  const one = event.target.closest("[data-unplan]");
  if (one) plan({ analyzer: one.dataset.analyzer, channel: one.dataset.unplan, lot: "" });
});

onChange((changed) => {
  if (!changed.has("lots") && !changed.has("public_samples")) return;
  if (dialog.open) fillMatching();
  if (planning) fillPlan();
});
document.addEventListener("part", (event) => {
  if (event.target.id === "goods") drawPlants();
  if (event.target.id === "strays") drawStrays();
});
drawPlants();
