// Dialogs that ask once more before something is voided or corrected, with the reason; and the void of a sale.

import { end } from "./codes.js";
import { find, newKey, post, say, toast, whenKnown } from "./live.js";

/**
 * The dialog `name` is opened by `button`; `send` answers a promise, or words that say what is missing. Then `done`.
 * A field `name-reason`, where there is one, has to be filled.
 * Nothing is sent twice: the button rests until the answer is known.
 */
export function ask(name, button, send, done) {
  const dialog = find(`#${name}`);
  if (!dialog) return;
  const [wrong, go, reason] = ["wrong", "go", "reason"].map((part) => find(`#${name}-${part}`));
  button?.addEventListener("click", () => {
    wrong.textContent = "";
    dialog.showModal();
  });
  find(`#${name}-cancel`).addEventListener("click", () => dialog.close());
  for (const chip of document.querySelectorAll(`#${name}-reasons button`)) {
    chip.addEventListener("click", () => (reason.value = chip.textContent));
  }
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    wrong.textContent = !reason || reason.value.trim() ? "" : say("reason_missing");
    if (wrong.textContent || go.disabled) return;
    go.disabled = true;
    const finish = (answer) => {
      dialog.close();
      done(answer);
    };
    try {
      const sent = send();
      if (typeof sent === "string") wrong.textContent = sent;
      else finish(await sent);
    } catch (error) {
      wrong.textContent = error.message;
      whenKnown(error, finish, (words) => (wrong.textContent = words));
    } finally {
      go.disabled = false;
    }
  });
}

let voiding = null; // the sale, what is done then, and the key of this opening

export function openVoid(code, done) {
  voiding = { code, done, key: newKey() };
  find("#voiding-title").textContent = say("void_title", { code: end(code) });
  find("#voiding-reason").value = "";
  find("#voiding-wrong").textContent = "";
  find("#voiding").showModal();
}

ask(
  "voiding",
  null,
  () => post(`/api/sales/${voiding.code}/void`, { reason: find("#voiding-reason").value.trim() }, voiding.key),
  (answer) => {
    toast(say("void_done"));
    voiding.done(answer);
    document.dispatchEvent(new CustomEvent("voided", { detail: answer.tx }));
  },
);
