// The status page: a person has seen what could not be handled.

import { find, newKey, post, say, toast } from "./live.js";

const dialog = find("#seeing");
const person = find("#seeing-person");
const wrong = find("#seeing-wrong");
let asked = null; // up to which number, and the request's key

document.addEventListener("click", (event) => {
  if (!event.target.closest("#unread-see")) return;
  asked = { upto: Number(find("#unread").dataset.upto), key: newKey() };
  person.value = localStorage.person ?? "";
  wrong.textContent = "";
  dialog.showModal();
  person.focus();
});

find("#seeing-back").addEventListener("click", () => dialog.close());

dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = person.value.trim();
  if (!name) {
    wrong.textContent = say("person_missing");
    person.focus();
    return;
  }
  find("#seeing-go").disabled = true;
  try {
    await post("/api/unread/seen", { upto: asked.upto, person: name }, asked.key);
    localStorage.person = name;
    dialog.close();
    toast(say("unread_gone"));
  } catch (error) {
    wrong.textContent = error.message;
  } finally {
    find("#seeing-go").disabled = false;
  }
});
