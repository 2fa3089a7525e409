// The register of scales: what stands on a scale's new certificate, seals and plates is entered.

import { find, named, newKey, post, say, toast } from "./live.js";
import { ask } from "./void.js";

const dialog = find("#renewing");
const fields = [...dialog.querySelectorAll("[name]")];
const person = find("#renewing-person");
let asked = null; // the scale, what was registered of it when the dialog opened, and the key of this opening

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-renew]");
  if (!button) return;
  asked = { scale: button.dataset.renew, now: JSON.parse(button.dataset.now), key: newKey() };
  for (const field of fields) field.value = asked.now[field.name];
  person.value = document.body.dataset.person ?? localStorage.person ?? "";
  find("#renewing-title").textContent = named(say("scale"), asked.scale);
  find("#renewing-wrong").textContent = "";
  dialog.showModal();
});

ask(
  "renewing",
  null,
  () => {
    const name = person.value.trim();
    if (!name) return say("person_missing");
    localStorage.person = name;
    const changed = fields.filter((field) => field.value.trim() !== asked.now[field.name]);
    const body = Object.fromEntries(changed.map((field) => [field.name, field.value.trim()]));
    return post(`/api/register/${encodeURIComponent(asked.scale)}`, { ...body, person: name }, asked.key).catch((error) => {
      if (error.known) asked.key = newKey();
      throw error;
    });
  },
  ({ scale }) => toast(say("noted", { what: named(say("scale"), scale) })),
);
