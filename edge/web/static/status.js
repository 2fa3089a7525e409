// The page of states: a person may answer for a date that the station did not take by itself.

import "./codes.js";
import "./register.js";
import "./resend.js";
import "./seen.js";
import { find, post, say, whenKnown, toast } from "./live.js";
import "./swap.js";
import "./unread.js";

const dialog = find("#dating");
const person = find("#dating-person");
const wrong = find("#dating-wrong");
const go = find("#dating-go");
let date = "";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-date]");
  if (!button) return;
  date = button.dataset.date;
  find("#dating-title").textContent = say("date_is_right", { date });
  wrong.textContent = "";
  person.value = localStorage.person ?? "";
  dialog.showModal();
  person.focus();
});

dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = person.value.trim();
  if (!name) {
    wrong.textContent = say("person_missing");
    person.focus();
    return;
  }
  localStorage.person = name;
  const done = () => {
    dialog.close();
    toast(say("confirmed"));
  };
  go.disabled = true;
  try {
    await post("/api/clock/confirm", { date, person: name });
    done();
  } catch (error) {
    wrong.textContent = error.message;
    whenKnown(error, done, (words) => (wrong.textContent = words));
  } finally {
    go.disabled = false;
  }
});
find("#dating-back").addEventListener("click", () => dialog.close());
