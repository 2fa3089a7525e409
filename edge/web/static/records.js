// The page of records: found in steps, each shown as it comes; and one record with what can be done about it.

import { end, onCode } from "./codes.js";
import { find, grams, nameOf, newKey, post, say, yuan } from "./live.js";
import "./prints.js";
import { ask, openVoid } from "./void.js";
import { correctedVouchers } from "./vouchers.js";

const PAGE = 50;
const GET_MS = 20000;
const LOOK_MS = 300;
const english = document.documentElement.lang === "en";
const made = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text });

async function read(address, options = {}) {
  const answer = await fetch(address, { signal: AbortSignal.timeout(GET_MS), ...options }).catch(() => null);
  const said = await answer?.json().catch(() => null);
  if (!said) throw new Error(say("not_read"));
  if (!answer.ok) throw new Error((english ? said.message_en : said.message_zh) ?? say("not_read"));
  return said;
}

// --- finding -----------------------------------------------------------------------------------------------------

let search = 0; // the newest; answers of older ones are not shown
let next = null;
let asked = "";
let shown = 0;

/** "12.5" → 1250 fen, an empty text → "", null for what is no amount. */
function fen(text) {
  if (!text.trim()) return "";
  const found = /^(\d{1,7})(?:[.。,，](\d{1,2}))?$/.exec(text.trim());
  return found ? Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0")) : null;
}

function wanted() {
  const [least, most] = [fen(find("#find-least").value), fen(find("#find-most").value)];
  find("#find-wrong").textContent = least === null || most === null ? say("amount_wrong") : "";
  if (least === null || most === null) return null;
  const values = {
    text: find("#find-text").value.trim(), since: find("#find-since").value, until: find("#find-until").value,
    kind: find("#find-kind").value, least_fen: least, most_fen: most,
  };
  return new URLSearchParams(Object.entries(values).filter(([, value]) => value !== "")).toString();
}

function row(one) {
  const item = made("li", `one ${one.state}`, "");
  const link = made("a", "", "");
  link.href = `/records/${one.seq}`;
  const kind = find(`#find-kind option[value="${one.kind}"]`)?.textContent ?? one.kind;
  const facts = [
    nameOf(one), one.net_g === null ? "" : `${(one.net_g / 1000).toFixed(3)} kg`,
    one.amount_fen === null ? "" : `¥${yuan(one.amount_fen)}`, one.verdict && say(`verdict.${one.verdict}`), one.party,
  ];
  link.append(
    made("b", "", kind), " ",
    made("span", "code", one.code.length > 10 ? end(one.code) : one.code), " ",
    made("span", "time", one.time.slice(0, 16).replace("T", " ")),
    made("span", "facts", facts.filter(Boolean).join(" · ")),
  );
  if (one.state) link.append(made("b", "state", say(one.state === "voided" ? "state_voided" : "state_corrected")));
  item.append(link);
  return item;
}

function draw({ done, total }, going) {
  const progress = find("#find-progress");
  [progress.max, progress.value, progress.hidden] = [total || 1, done, !going];
  find("#find-stop").hidden = !going;
  find("#find-more").hidden = going || next === null;
  const count = shown || next !== null ? say("records_found", { n: shown }) : say("records_none");
  find("#find-said").textContent = going || next !== null ? `${count} · ${say("records_progress", { done, total })}` : count;
}

/** Look on until a page is full, everything was looked at, or nobody wants it any more. */
async function look() {
  const mine = ++search;
  const until = shown + PAGE;
  let said = { done: 0, total: 0 };
  let damaged = 0;
  do {
    try {
      const before = next === null ? "" : `&before=${next}`;
      said = await read(`/api/records?${asked}&limit=${until - shown}${before}`);
    } catch (error) {
      if (mine === search) find("#find-said").textContent = error.message;
      return;
    }
    if (mine !== search) return;
    next = said.next;
    shown += said.records.length;
    damaged += said.damaged.length;
    find("#found").append(...said.records.map(row));
    draw(said, next !== null && shown < until);
  } while (next !== null && shown < until);
  if (said.removed) find("#find-said").textContent += ` · ${say("records_removed", said.removed)}`;
  if (damaged) find("#find-said").textContent += ` · ${say("records_damaged", { n: damaged })}`;
}

function begin() {
  const query = wanted();
  if (query === null) return;
  [asked, next, shown] = [query, null, 0];
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
  find("#found").replaceChildren();
  look();
}

function finder() {
  const given = new URLSearchParams(location.search);
  for (const name of ["text", "since", "until", "kind"]) find(`#find-${name}`).value = given.get(name) ?? "";
  for (const name of ["least", "most"]) {
    const value = given.get(`${name}_fen`);
    if (/^\d+$/.test(value ?? "")) find(`#find-${name}`).value = yuan(Number(value));
  }
  find("#finder").addEventListener("submit", (event) => {
    event.preventDefault();
    begin();
  });
  find("#find-more").addEventListener("click", look);
  find("#find-stop").addEventListener("click", () => {
    search += 1;
    draw({ done: find("#find-progress").value, total: find("#find-progress").max }, false);
  });
  const scanned = (code) => {
    find("#find-text").value = code;
    begin();
  };
  onCode({ slip: scanned, source: scanned, test: scanned, operator: scanned, product: scanned });
  begin();
}

// --- books -------------------------------------------------------------------------------------------------------

let book = null;

function drawBook(said) {
  const going = said.state === "making";
  const progress = find("#book-progress");
  [progress.max, progress.value, progress.hidden] = [said.total || 1, said.done, !going];
  find("#book-stop").hidden = !going;
  const file = find("#book-file");
  file.hidden = said.state !== "done";
  file.href = `/api/books/${said.id}/file`;
  const words = {
    making: say("book_making", said), done: say("book_ready", { n: said.rows }), failed: say("print.failed"), cancelled: "",
  };
  find("#book-said").textContent = words[said.state];
}

async function makeBook({ book: name, form }) {
  const [since, until] = [find("#find-since").value || null, find("#find-until").value || null];
  try {
    book = await post("/api/books", { book: name, form, since, until });
    while (book.state === "making") {
      drawBook(book);
      await new Promise((done) => setTimeout(done, LOOK_MS));
      book = await read(`/api/books/${book.id}`);
    }
    drawBook(book);
  } catch (error) {
    find("#book-said").textContent = error.message;
  }
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-book]");
  if (button) makeBook(button.dataset);
});

/** A shelf life; an empty field is none, null is no number. */
const days = (text) => (text === "" ? 0 : /^[1-9]\d*$/.test(text) ? Number(text) : null);

// --- one record --------------------------------------------------------------------------------------------------

function record({ seq, code, lot }) {
  find("#void-open")?.addEventListener("click", () => openVoid(code, () => location.reload()));
  ask("entering", find("#entry-open"), () => {
    const body = { reason: find("#entering-reason").value.trim(), ...correctedVouchers() };
    for (const input of document.querySelectorAll("#entering [data-field]")) {
      const { field, was } = input.dataset;
      if (input.value.trim() === was) continue;
      const text = input.value.trim();
      body[field] = field === "net_g" ? grams(text) : field === "shelf_days" ? days(text) : text;
      if (body[field] === null) return say(field === "shelf_days" ? "days_wrong" : "mass_wrong");
    }
    return post(`/api/lots/${lot || code}/correct`, body, newKey());
  }, () => location.reload());
  ask("matching", find("#result-open"), () =>
    post(`/api/results/${seq}/correct`, { lot: find("#matching-lot").value, reason: find("#matching-reason").value.trim() }, newKey()),
  () => location.reload());
}

if (find("#finder")) {
  finder();
  find("#book-stop").addEventListener("click", () => book && post(`/api/books/${book.id}/cancel`).catch(() => {}));
} else if (find("#record")) {
  record(find("#record").dataset);
}
