// What stands against a lot is seen by a person, with one press. F8 takes the first.

import { find, post, say, sorry, toast } from "./live.js";
import { whoDoes } from "./who.js";

const box = find("#alerts");

async function see(button) {
  const person = await whoDoes(say("seen_button"));
  if (!person) return;
  button.disabled = true;
  try {
    await post(`/api/lots/${button.dataset.seen}/seen`, { person });
    toast(say("seen_done", { person }));
  } catch (error) {
    sorry(error);
  } finally {
    button.disabled = false;
  }
}

box.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-seen]");
  if (button) see(button);
});
document.addEventListener("keydown", (event) => {
  const first = box.querySelector("[data-seen]:not(:disabled)");
  if (event.key !== "F8" || event.repeat || !first || find("dialog[open]")) return;
  event.preventDefault();
  see(first);
});
