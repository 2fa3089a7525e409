// Food that people bring to be tested.

import { find, newKey, post, say, whenKnown } from "./live.js";
import "./prints.js";

const wrong = find("#bring-wrong");
const button = find("#bring-go");
let key = newKey(); // of what stands in the form

for (const input of document.querySelectorAll("#bring input")) input.addEventListener("input", () => (key = newKey()));

function show({ sample }) {
  find("#bring-number").textContent = sample;
  find("#bring-answer").hidden = false;
  find("#bring").reset();
  key = newKey();
}

find("#bring").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [goods, asked_by] = ["goods", "who"].map((id) => find(`#bring-${id}`).value.trim());
  const label = find("#bring-goods").closest("label").firstChild.textContent.trim();
  wrong.textContent = goods ? "" : say("field_missing", { field: label });
  if (!goods || button.disabled) return;
  button.disabled = true;
  try {
    show(await post("/api/samples", { goods, asked_by }, key));
  } catch (error) {
    wrong.textContent = error.message;
    whenKnown(error, show, (words) => (wrong.textContent = words));
  } finally {
    button.disabled = false;
  }
});
