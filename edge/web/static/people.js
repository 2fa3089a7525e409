// Who works here: add somebody, another PIN, no access any more.

import "./codes.js";
import { find, newKey, post, say, sorry, toast } from "./live.js";

const SHORTEST_PIN = 4;

async function load() {
  const answer = await fetch("/api/operators").catch(() => null);
  if (!answer?.ok) return toast(say("no_answer_try"));
  find("#people").replaceChildren(...(await answer.json()).people.map(row));
}

function element(tag, className, text, data = {}) {
  const made = Object.assign(document.createElement(tag), { className, textContent: text });
  Object.assign(made.dataset, data);
  return made;
}

function row(person) {
  const line = element("li", "row person-row", "");
  const notes = [say(`role.${person.role}`), ...(person.active ? [] : [say("not_active")]), ...(person.pin ? [] : [say("no_pin")])];
  line.append(element("b", "", `${person.name} `), element("span", "", `${person.code} · ${notes.join(" · ")} `));
  const keys = element("span", "acts", "");
  for (const [word, action] of [["new_pin", "pin"], [person.active ? "disable" : "enable", "active"]]) {
    const button = element("button", "quiet", say(word), { act: action });
    button.type = "button";
    button.addEventListener("click", () => act(action, person));
    keys.append(button);
  }
  line.append(keys);
  return line;
}

function act(action, person) {
  if (action === "pin") return openPin(person);
  post(`/api/operators/${person.code}`, { active: !person.active }).then(changed, sorry);
}

/** From the first person on everybody signs in: the page is loaded anew, and leads there. */
function changed() {
  toast(say("people_changed"));
  load();
}

// --- somebody new ---------------------------------------------------------------------------------------------------

find("#adding").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [code, name, role, pin] = ["code", "name", "role", "pin"].map((id) => find(`#adding-${id}`).value.trim());
  const wrong = find("#adding-wrong");
  wrong.textContent = !/^\d+$/.test(code) || !name || !fits(pin) ? say("person_incomplete") : "";
  if (wrong.textContent) return;
  try {
    await post("/api/operators", { code, name, role, pin }, newKey());
    find("#adding").reset();
    changed();
  } catch (error) {
    wrong.textContent = error.message;
  }
});

const fits = (pin) => /^\d+$/.test(pin) && pin.length >= SHORTEST_PIN;

// --- another PIN ----------------------------------------------------------------------------------------------------

const dialog = find("#pinning");
const field = find("#pinning-pin");
let whose = "";

function openPin(person) {
  whose = person.code;
  find("#pinning-title").textContent = person.name;
  field.value = find("#pinning-wrong").textContent = "";
  dialog.showModal();
}

find("#pinning-back").addEventListener("click", () => dialog.close());
dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const wrong = find("#pinning-wrong");
  wrong.textContent = fits(field.value) ? "" : say("person_incomplete");
  if (wrong.textContent) return;
  try {
    await post(`/api/operators/${whose}`, { pin: field.value });
    dialog.close();
    changed();
  } catch (error) {
    wrong.textContent = error.message;
  }
});

load();
