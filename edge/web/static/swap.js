// The status page: a person confirms that another device behind a port is the right one.

import { find, newKey, post, say, whenKnown, toast } from "./live.js";

const dialog = find("#swapping");
const person = find("#swapping-person");
const wrong = find("#swapping-wrong");
let asked = null; // which device, what the person sees there, and the request's key

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-swap]");
  if (!button) return;
  const swap = button.closest(".swap");
  asked = { device: swap.dataset.device, seen: swap.dataset.now, key: newKey() };
  find("#swapping-facts").replaceChildren(...[...swap.querySelectorAll("p")].map((one) => one.cloneNode(true)));
  find("#swapping-sure").textContent = say("confirm_swap_sure", { device: asked.device });
  person.value = localStorage.person ?? "";
  wrong.textContent = "";
  dialog.showModal();
  person.focus();
});

find("#swapping-back").addEventListener("click", () => dialog.close());

dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = person.value.trim();
  if (!name) {
    wrong.textContent = say("person_missing");
    person.focus();
    return;
  }
  const done = () => {
    localStorage.person = name;
    dialog.close();
    toast(say("swap_confirmed"));
  };
  find("#swapping-go").disabled = true;
  try {
    await post(`/api/ports/${asked.device}/confirm`, { person: name, seen: asked.seen }, asked.key);
    done();
  } catch (error) {
    wrong.textContent = error.message;
    whenKnown(error, done, (words) => {
      wrong.textContent = words;
      asked.key = newKey();
    });
  } finally {
    find("#swapping-go").disabled = false;
  }
});
