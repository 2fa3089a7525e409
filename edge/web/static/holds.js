// A lot's sale is stopped by a person, and taken up again: for what a test holds, after a recheck.

import { grouped } from "./codes.js";
import { find, named, newKey, post, say, toast } from "./live.js";
import { ask } from "./void.js";

let lot = null; // whose dialog is open: its code and name, and the key of this opening

function open(dialog, word, { code, name }) {
  lot = { code, name, key: newKey() };
  for (const input of document.querySelectorAll(`#${dialog} input`)) input.value = "";
  find(`#${dialog}-title`).textContent = named(say(word), name);
  find(`#${dialog}-person`).value = localStorage.person ?? "";
  find(`#${dialog}-wrong`).textContent = "";
  find(`#${dialog}`).showModal();
}

/** What is sent, or words that say what is missing. */
function said(dialog, more = {}) {
  const person = find(`#${dialog}-person`).value.trim();
  if (!person) return say("person_missing");
  localStorage.person = person;
  return { person, reason: find(`#${dialog}-reason`).value.trim(), ...more };
}

const send = (way, body) => (typeof body === "string" ? body : post(`/api/lots/${lot.code}/${way}`, body, lot.key));

ask("holding", null, () => send("hold", said("holding")), () => toast(named(say("lot_is_held"), lot.name)));
ask("releasing", null, () => send("release", said("releasing")), ({ state, source, stopped }) => {
  const words = stopped ? say("lot_why.stopped") : say(`lot.${state}`);
  toast(`${named(lot.name, words)}${source && !stopped ? ` · ${say("source_code")} ${grouped(source)}` : ""}`);
});

find("#goods").addEventListener("click", ({ target }) => {
  const one = target.closest("[data-hold], [data-release]");
  if (!one) return;
  const { hold, release, name } = one.dataset;
  if (hold) open("holding", "hold_lot", { code: hold, name });
  if (!release) return;
  if ("recheck" in one.dataset) location.assign(`/held#hold-${release}`); // what a test holds goes its own way
  else open("releasing", "end_hold", { code: release, name });
});
