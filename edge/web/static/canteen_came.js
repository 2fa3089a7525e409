// What came with a delivery: certificates by kind and number, photos, the vehicle's plate.

import { find, post, say } from "./live.js";
import { photos } from "./photo.js";

const dialog = find("#came");
const pictures = photos(find("#came-photos"));
let about = null;

/** Ask what came with this delivery; what is there already stays. */
export function askCame(delivery) {
  about = delivery;
  find("#came-plate").value = delivery.plate;
  find("#came-no").value = find("#came-wrong").textContent = "";
  pictures.clear();
  find("#came-proofs").hidden = delivery.proofs.length === 0;
  find("#came-proofs").replaceChildren(...delivery.proofs.map(([type, no]) =>
    Object.assign(document.createElement("li"), { textContent: `${say(`proof.${type}`)} ${no}` })));
  dialog.showModal();
}

dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (pictures.coming()) return (find("#came-wrong").textContent = say("photo_coming"));
  const no = find("#came-no").value.trim();
  const body = { plate: find("#came-plate").value.trim() };
  if (no) body.proofs = [...about.proofs.map(([type, number]) => ({ type, no: number })), { type: find("#came-type").value, no }];
  if (pictures.hashes().length) body.photos = [...new Set([...about.photos, ...pictures.hashes()])].slice(0, 6);
  try {
    await post(`/api/deliveries/${about.number}/describe`, body);
    dialog.close();
  } catch (error) {
    find("#came-wrong").textContent = error.message;
  }
});
