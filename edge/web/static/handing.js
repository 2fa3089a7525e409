// Part of the chosen lot goes to another stall; and how much of a disputed lot is really here.

import { end } from "./codes.js";
import { board, find, grams, lotName, newKey, post, say, toast, told } from "./live.js";
import { plainCode } from "./scan.js";
import { ask } from "./void.js";

const GET_MS = 8000;
const REST_MS = 250;
const STALL = /^\d{13}$/;
const kilograms = (g) => (g / 1000).toFixed(3);
let lot = null; // whose dialog is open, and the key of this opening

async function open(dialog, word, code) {
  await told;
  const one = (board.lots ?? []).find((known) => known.test_code === code);
  if (!one) return;
  lot = { code, key: newKey(), name: `${lotName(one)} ${end(one.source)}` };
  for (const input of document.querySelectorAll(`#${dialog} input`)) input.value = "";
  find(`#${dialog}-wrong`).textContent = "";
  find(`#${dialog}-title`).textContent = `${say(word)} ${lot.name}`;
  find(`#${dialog}`).showModal();
}

// --- handed on ----------------------------------------------------------------------------------------------------

ask("handing", null, () => {
  const net_g = grams(find("#handing-kg").value.trim());
  const to = plainCode(find("#handing-to").value);
  if (!net_g) return say("kg_wrong");
  if (!STALL.test(to)) return say("hand_to_wrong");
  return post(`/api/lots/${lot.code}/hand`, { net_g, to }, lot.key);
}, ({ left_g, job }) => {
  const words = `${lot.name} · ${say("lot_handed", { kg: kilograms(left_g) })}`;
  toast(job ? words : `${words} · ${say("hand_no_card")}`);
});

find("#hand-open").addEventListener("click", () => {
  const chosen = document.querySelector("#lots input:checked");
  if (!chosen) return;
  find("#handing-found").replaceChildren();
  open("handing", "hand_lot", chosen.value);
});

let asked = 0; // the newest search; answers of older ones are not shown
let resting = 0;

async function search() {
  const mine = ++asked;
  const q = find("#handing-find").value.trim();
  const address = `/api/directory?${new URLSearchParams({ q })}`;
  const answer = q ? await fetch(address, { signal: AbortSignal.timeout(GET_MS) }).catch(() => null) : null;
  const { entries = [] } = answer?.ok ? await answer.json() : {};
  if (mine !== asked) return;
  const stalls = entries.filter((one) => STALL.test(one.code) && one.state === "active").slice(0, 6);
  find("#handing-found").replaceChildren(...stalls.map(({ name, code }) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "quiet", textContent: `${name} ${end(code)}` });
    button.addEventListener("click", () => (find("#handing-to").value = code));
    return button;
  }));
  find("#handing-wrong").textContent = q && !stalls.length ? say("hand_nobody") : "";
}

find("#handing-find").addEventListener("input", () => {
  clearTimeout(resting);
  resting = setTimeout(search, REST_MS);
});

// --- settled ------------------------------------------------------------------------------------------------------

ask("settling", null, () => {
  const net_g = grams(find("#settling-kg").value.trim());
  if (net_g === null) return say("kg_wrong");
  return post(`/api/lots/${lot.code}/settle`, { net_g, why: find("#settling-reason").value.trim() }, lot.key);
}, ({ left_g, disputed }) => toast(say(disputed ? "lot_why.disputed" : "lot_settled", { kg: kilograms(left_g) })));

find("#lots").addEventListener("click", ({ target }) => {
  const one = target.closest("[data-settle]");
  if (one) open("settling", "settle_lot", one.dataset.settle);
});
