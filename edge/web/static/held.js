// Lots that are held: one dialog for every step, the four hours running, who bought of it.

import { failed, find, grams, named, newKey, post, say, sorry, toast } from "./live.js";
import { photos } from "./photo.js";
import "./prints.js";
import { ask } from "./void.js";

const GET_MS = 20000;
const WAYS = {
  tell: "told", retell: "told", ask: "retest", waive: "waive", send: "sample", verdict: "verdict", release: "release",
  plan: "plan-disposal", return: "dispose", destroy: "dispose",
};
const GOES = { return: "returned", destroy: "destroyed" };
const PREFILLED = ["told", "asked_by", "owner", "laboratory", "method"];
const dialog = find("#deed");
const pictures = photos(find("#deed-photos"));
const rows = [...dialog.querySelectorAll("[data-for]")];
let hold = null; // whose dialog is open: its code, the deed, and the key of this opening

// --- a step -----------------------------------------------------------------------------------------------------------

function open(button) {
  const { deed, title } = button.dataset;
  const about = JSON.parse(button.closest("[data-hold]").dataset.hold);
  hold = { deed, code: about.code, key: newKey() };
  for (const row of rows) row.hidden = !row.dataset.for.split(" ").includes(deed);
  find("#deed-because").closest("label").hidden = !["release", "retell"].includes(deed) && !(deed === "ask" && about.over);
  for (const input of dialog.querySelectorAll("input:not([type=radio], [type=checkbox], [type=file])")) input.value = "";
  for (const input of dialog.querySelectorAll("input[type=checkbox]")) input.checked = false;
  for (const input of dialog.querySelectorAll("[name=conclusion], [name=decision]")) input.checked = false;
  find("#deed-all").checked = true;
  pictures.clear();
  for (const name of PREFILLED) find(`#deed-${name}`).value = about[name] ?? "";
  find("#deed-mass_g").value = about.kg;
  find("#deed-person").value = localStorage.person ?? "";
  find("#deed-title").textContent = title;
  dialog.dataset.deed = deed;
  find("#deed-wrong").textContent = "";
  dialog.showModal();
}

const shown = (input) => !input.closest("[hidden]");
const label = (input) => (input.closest("fieldset")?.querySelector("legend") ?? input.closest("label")).firstChild.textContent.trim();

/** What is sent, or words that say what is missing. */
function read() {
  const body = {};
  for (const input of [...dialog.querySelectorAll("input[name]")].filter(shown)) {
    const { name, type } = input;
    if (type === "radio") {
      if (input.checked) body[name] = input.value;
      else body[name] ??= "";
    } else if (type === "checkbox") body[name] = input.checked;
    else if (input.value.trim()) body[name] = "grams" in input.dataset ? weighed(input.value.trim()) : input.value.trim();
    else if (input.required) return say("field_missing", { field: label(input) });
    if (body[name] === null) return say("kg_wrong");
  }
  for (const name of ["conclusion", "decision"]) {
    if (body[name] === "") return say("field_missing", { field: label(find(`[name=${name}]`)) });
  }
  if ("complete" in body) body.complete = body.complete === "all";
  if (shown(find("#deed-because")) && !body.reason) return say("reason_missing");
  if (shown(find("#deed-photos"))) {
    if (pictures.coming()) return say("photo_coming");
    body.photos = pictures.hashes();
  }
  if (hold.deed in GOES) body.decision = GOES[hold.deed];
  const person = find("#deed-person").value.trim();
  if (!person) return say("person_missing");
  localStorage.person = person;
  return { ...body, person };
}

const weighed = (text) => (Number(text) === 0 ? 0 : grams(text));

ask("deed", null, () => {
  const body = read();
  return typeof body === "string" ? body : post(`/api/lots/${hold.code}/${WAYS[hold.deed]}`, body, hold.key);
}, () => {
  pictures.clear();
  toast(dialog.dataset.done);
});

for (const chip of dialog.querySelectorAll("[data-fills]")) {
  chip.addEventListener("click", () => (find(`#deed-${chip.dataset.fills}`).value = chip.textContent));
}

// --- the four hours ---------------------------------------------------------------------------------------------------

const begun = new WeakMap(); // when a timer was drawn, by this page's own steady clock

function run() {
  for (const timer of document.querySelectorAll("[data-left]")) {
    if (!begun.has(timer)) begun.set(timer, performance.now());
    const left = Math.max(0, Number(timer.dataset.left) - Math.floor((performance.now() - begun.get(timer)) / 1000));
    const digits = timer.querySelector(".digits");
    const text = `${Math.floor(left / 3600)}:${String(Math.floor((left % 3600) / 60)).padStart(2, "0")}`;
    if (digits && digits.textContent !== text) digits.textContent = text;
  }
}
run();
setInterval(run, 1000);
find("#holds").addEventListener("part", run);

// --- who bought of it -------------------------------------------------------------------------------------------------

async function buyers({ buyers: code, title }) {
  const answer = await fetch(`/api/lots/${code}/buyers`, { signal: AbortSignal.timeout(GET_MS) }).catch(() => null);
  const said = answer?.ok ? await answer.json() : null;
  if (!said) throw failed(say("not_read"), { known: true });
  find("#buyers-title").textContent = title;
  find("#buyers-count").textContent = say("bought_n", { n: said.buyers.length, kg: (said.net_g / 1000).toFixed(3) });
  find("#buyers-list").replaceChildren(...said.buyers.map((one) => {
    const row = document.createElement("li");
    row.textContent = `${one.time.slice(5, 16).replace("T", " ")} · ${named(one.buyer || one.code, `${(one.net_g / 1000).toFixed(3)} kg`)} · ${one.tx}`;
    return row;
  }));
  find("#buyers-csv").href = `/api/lots/${code}/buyers.csv`;
  find("#buyers").showModal();
}

find("#holds").addEventListener("click", async ({ target }) => {
  const step = target.closest("[data-deed]");
  if (step) return open(step);
  const list = target.closest("[data-buyers]");
  if (!list || list.disabled) return;
  list.disabled = true;
  await buyers(list.dataset).catch(sorry);
  list.disabled = false;
});
