// Who does it: who is signed in, or whose name this device remembers; asked for once where nobody is known.

import { find, say } from "./live.js";

const dialog = find("#asking");
const field = find("#asking-person");
let answer = () => {};

/** The person's name, or an empty text when the question was put away. */
export function whoDoes(title) {
  const known = localStorage.person?.trim();
  if (known) return Promise.resolve(known);
  find("#asking-title").textContent = title;
  find("#asking-wrong").textContent = "";
  field.value = "";
  dialog.showModal();
  field.focus();
  return new Promise((done) => (answer = done));
}

dialog?.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = field.value.trim();
  find("#asking-wrong").textContent = name ? "" : say("person_missing");
  if (!name) return;
  localStorage.person = name;
  dialog.close();
  answer(name);
});
dialog?.addEventListener("close", () => answer(localStorage.person?.trim() ?? ""));
find("#asking-cancel")?.addEventListener("click", () => dialog.close());
