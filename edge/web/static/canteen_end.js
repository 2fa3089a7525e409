// What ends without an acceptance, or counts no more: asked once, with a reason and a name.

import { find, say, toast } from "./live.js";

const dialog = find("#ending");
let wanted = null;

/** Ask; `done(body)` orders it, `said` is told then. `reason` false: none is needed. */
export function askEnd(what) {
  wanted = { reason: true, ...what };
  find("#ending-title").textContent = what.title;
  find("#ending-effect").textContent = what.effect;
  find("#ending-go").textContent = what.go;
  find("#ending-reason").value = find("#ending-wrong").textContent = "";
  find("#ending-reason").closest("label").hidden = !wanted.reason;
  find("#ending-person").value = localStorage.person ?? "";
  dialog.showModal();
}

dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { reason: find("#ending-reason").value.trim(), person: find("#ending-person").value.trim() };
  const wrong = find("#ending-wrong");
  wrong.textContent = wanted.reason && !body.reason ? say("reason_missing") : !body.person ? say("person_missing") : "";
  if (wrong.textContent) return;
  localStorage.person = body.person;
  try {
    await wanted.done(body);
    dialog.close();
    toast(wanted.said);
  } catch (error) {
    wrong.textContent = error.message;
  }
});
