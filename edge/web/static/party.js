// Who supplies or buys, picked: one of the last five, found by name, initials or code, or scanned. What the city says of
// them is seen before anything is registered: a suspended one in red, with the reason.

import { find, named, post, say, toast } from "./live.js";
import { plain, watch } from "./picker.js";

const PATIENCE_MS = 8000;
const PAUSE_MS = 120; // between two keys of a person
const HITS = 8;
const parties = new Map(); // by the name of their field for the name

/** The last ones of this job, as they are now: after something was recorded, and the fields were emptied. */
export const nextParty = (nameId) => parties.get(nameId)?.again();

async function ask(query) {
  try {
    const answer = await fetch(`/api/parties?${new URLSearchParams(query)}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return answer.ok ? (await answer.json()).entries : null;
  } catch {
    return null; // the box is not reached: what is typed counts
  }
}

function element(tag, className, text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

function setUp(root) {
  const { party: kind, job } = root.dataset;
  const name = find(`#${root.dataset.name}`);
  const code = find(`#${root.dataset.code}`);
  const recent = root.querySelector(".recent");
  const hits = root.querySelector(".hits");
  const said = root.querySelector(".party-said");
  let chosen = null; // what the fields stand for, as far as it is known
  let asked = 0;
  let pause = 0;

  const stands = (one) => one && (one.code ? code.value === one.code : !code.value) && name.value.trim() === one.name;

  // --- what is known of it --------------------------------------------------------------------------------------------

  function licence(one) {
    const text = `${say("licence_no")} ${one.licence}`.trim();
    if (one.licence_state === "expired") return [`${text} · ${say("licence_expired", { day: one.licence_until })}`, "bad"];
    if (one.licence_state === "ending") return [`${text} · ${say("licence_ending", { day: one.licence_until })}`, "warn"];
    return [one.licence_until ? `${text} · ${say("licence_until", { day: one.licence_until })}` : text, ""];
  }

  function drawSaid() {
    said.replaceChildren();
    said.classList.toggle("suspended", chosen?.state === "suspended");
    if (chosen) sayOf();
    said.hidden = !said.childElementCount;
  }

  function sayOf() {
    if (chosen.state === "suspended") {
      said.append(element("p", "stopped", named(say("party_suspended"), chosen.why || chosen.name)));
    } else if (chosen.state === "gone") said.append(element("p", "stopped", say("party_gone")));
    if (chosen.licence || chosen.licence_until) said.append(element("p", ...licence(chosen).reverse()));
    if (kind === "suppliers") drawReach();
  }

  function drawReach() {
    const row = element("p", "reach");
    row.append(element("span", "", [chosen.address, chosen.contact].filter(Boolean).join(" · ") || say("party_no_address")));
    const edit = element("button", "quiet", say("party_address"));
    edit.type = "button";
    edit.dataset.local = "";
    edit.addEventListener("click", writeReach);
    row.append(" ", edit);
    said.append(row);
  }

  /** Address and contact, kept in this box. */
  function writeReach() {
    const rows = [["address", "address"], ["contact", "contact_way"]].map(([key, word]) => {
      const label = element("label", "", say(word));
      const input = Object.assign(document.createElement("input"), { maxLength: 120, value: chosen[key], autocomplete: "off" });
      input.dataset.takes = "any"; // digits put in at once are no scan for another field
      label.append(input);
      return [key, label, input];
    });
    const save = element("button", "main", say("save"));
    save.type = "button";
    save.addEventListener("click", async () => {
      const body = { kind, code: code.value, name: name.value.trim() };
      for (const [key, , input] of rows) body[key] = input.value.trim();
      try {
        become(await post("/api/parties", body));
      } catch (error) {
        toast(error.message);
      }
    });
    said.replaceChildren(...rows.map(([, label]) => label), element("small", "", say("party_kept_here")), save);
    rows[0][2].focus();
  }

  /** Fill in what the page has fields for. */
  function fill(one) {
    chosen = null;
    name.value = one.name;
    code.value = one.code;
    const way = one.personal ? "" : one.contact; // a person's own number stands in no record
    for (const [end, value] of [["address", one.address], ["contact", way]]) {
      const field = document.getElementById(`${root.dataset.name}-${end}`);
      if (field && value) field.value = value;
    }
    become(one);
    for (const field of [code, name]) {
      for (const type of ["input", "change"]) field.dispatchEvent(new CustomEvent(type, { bubbles: true, detail: "picked" }));
    }
  }

  function become(one) {
    chosen = one;
    shut();
    drawSaid();
    drawRecent();
  }

  // --- the last five ------------------------------------------------------------------------------------------------

  let last = [];
  function drawRecent() {
    recent.replaceChildren(...last.map((one) => {
      const chip = element("button", `quiet ${one.state}`, one.name || one.code);
      chip.type = "button";
      chip.dataset.local = "";
      chip.setAttribute("aria-pressed", String(Boolean(stands(one))));
      if (one.state === "suspended") chip.append(" ", element("b", "", say("party_stopped")));
      chip.addEventListener("click", () => (stands(one) ? clear() : fill(one)));
      return chip;
    }));
    recent.hidden = !last.length;
  }

  function clear() {
    name.value = code.value = "";
    become(null);
    for (const field of [code, name]) field.dispatchEvent(new CustomEvent("input", { bubbles: true, detail: "picked" }));
  }

  async function again() {
    if (!name.value && !code.value) become(null);
    const found = await ask({ kind, job });
    if (found) last = found.filter((one) => one.recent);
    drawRecent();
  }

  // --- found ----------------------------------------------------------------------------------------------------------

  function shut() {
    hits.hidden = true;
    hits.replaceChildren();
    name.setAttribute("aria-expanded", "false");
  }

  function show(found) {
    hits.replaceChildren(...found.slice(0, HITS).map((one) => {
      const row = element("li", one.state);
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", "false");
      row.tabIndex = -1;
      row.append(element("b", "", one.name), " ", element("span", "code", one.code));
      if (one.state === "suspended") row.append(" ", element("span", "stopped", named(say("party_stopped"), one.why)));
      row.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus until it is pressed
      row.addEventListener("click", () => {
        fill(one);
        name.blur();
      });
      return row;
    }));
    hits.hidden = !found.length;
    name.setAttribute("aria-expanded", String(found.length > 0));
  }

  async function search() {
    const now = ++asked;
    const text = name.value.trim();
    const found = text ? await ask({ kind, job, q: text }) : [];
    if (now !== asked || !found) return;
    const same = found.find((one) => one.name === text && (!code.value || one.code === code.value));
    if (same) become(same); // typed in full: its state is seen as well
    else {
      if (chosen && !stands(chosen)) become(null);
      show(found);
    }
  }

  async function known() {
    const now = ++asked;
    const text = plain(code.value);
    if (!/^\d{13}$/.test(text)) return;
    const [one] = (await ask({ kind, job, q: text, exact: true })) ?? [];
    if (now === asked && one && plain(code.value) === text) fill(one);
  }

  name.addEventListener("input", (event) => {
    if (event.detail === "picked") return;
    if (chosen && !stands(chosen)) {
      if (chosen.code && chosen.code === code.value) code.value = ""; // another name: not this one's code
      chosen = null;
      drawSaid();
      drawRecent();
    }
    clearTimeout(pause);
    pause = setTimeout(search, PAUSE_MS);
  });
  code.addEventListener("input", (event) => {
    if (event.detail === "picked") return;
    if (chosen && !stands(chosen)) become(null);
    known();
  });
  name.addEventListener("keydown", (event) => {
    const rows = [...hits.children];
    if (event.isComposing || hits.hidden || !rows.length) return;
    const at = rows.findIndex((one) => one.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = (at + (event.key === "ArrowDown" ? 1 : rows.length - (at < 0 ? 0 : 1))) % rows.length;
      rows.forEach((one, place) => one.setAttribute("aria-selected", String(place === next)));
      rows[next].scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      rows[Math.max(0, at)].click();
    } else if (event.key === "Escape") shut();
  });
  name.addEventListener("blur", () => setTimeout(shut, 200));

  for (const field of [name, code]) {
    watch(field, () => {
      if (chosen && !stands(chosen)) become(null);
    });
  }
  parties.set(root.dataset.name, { again });
  again();
}

for (const root of document.querySelectorAll(".party")) setUp(root);
