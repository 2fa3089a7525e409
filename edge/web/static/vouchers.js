// The vouchers of an entry in the dialog that corrects it: each with all its fields, and none that is not there.

import { find } from "./live.js";

const box = find("#vouchers");

function read(one) {
  const said = [...one.querySelectorAll("[data-proof]")].map((field) => [field.dataset.proof, field.value.trim()]);
  const basis = [...one.querySelectorAll("fieldset input:checked")].map((ground) => ground.value);
  return { ...Object.fromEntries(said.filter(([, value]) => value)), ...(basis.length && { basis }) };
}

const all = () => [...(box?.querySelectorAll(".voucher") ?? [])].map(read);
const before = JSON.stringify(all());

/** All that came with the goods, to be sent; nothing while it is as it was. */
export function correctedVouchers() {
  const now = all();
  return JSON.stringify(now) === before ? {} : { proofs: now };
}

box?.addEventListener("click", ({ target }) => {
  if (target.closest("[data-drop]")) {
    target.closest(".voucher").remove();
    find("#voucher-add").focus();
  } else if (target.closest("#voucher-add")) {
    target.before(box.querySelector("template").content.cloneNode(true));
    target.previousElementSibling.querySelector("[data-proof=no]").focus();
  }
});
