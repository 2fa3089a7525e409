// The table of lots: what is shown of it is asked of the station, and remembered on this device.

import { find, refresh, say } from "./live.js";
import { tell } from "./codes.js";

const list = find("#goods");
const tallies = find("#tallies");
const FIELDS = { q: find("#lots-q"), item: find("#lots-item"), day: find("#lots-day") };
const CALM_MS = 200; // after the last key
const KEPT = "lots";
const open = new Set(); // ids of the rows that a person opened
let typing = 0;
let wanted = { state: "all", q: "", item: "", day: "", page: 1 };

function query() {
  const said = Object.entries(wanted).filter(([name, value]) => value && `${value}` !== (name === "page" ? "1" : "all"));
  return new URLSearchParams(said).toString();
}

function draw() {
  for (const one of tallies.querySelectorAll("[data-state]")) {
    one.setAttribute("aria-pressed", String(one.dataset.state === wanted.state));
  }
}

/** Show what is wanted from now on. */
export function want(more) {
  wanted = { ...wanted, page: 1, ...more };
  localStorage[KEPT] = JSON.stringify({ ...wanted, page: 1 });
  list.dataset.query = query();
  draw();
  return refresh(list);
}

/** A lot's row, opened: on the page that shows it, or alone. `point` shows where it is. */
export async function showLotRow(code, point) {
  const row = () => document.getElementById(`goods-${code}`);
  if (!row()) {
    for (const field of Object.values(FIELDS)) field.value = "";
    FIELDS.q.value = code;
    await want({ state: "all", q: code, item: "", day: "" });
  }
  const one = row();
  if (!one) return tell(say("scan_unknown_lot", { code }), true);
  one.querySelector("details").open = true;
  point(one);
}

tallies.addEventListener("click", ({ target }) => {
  const one = target.closest("[data-state]");
  if (one) want({ state: one.dataset.state });
});
list.addEventListener("click", ({ target }) => {
  const one = target.closest("[data-page]");
  if (one) want({ page: Number(one.dataset.page) }).then(() => list.scrollIntoView());
});
for (const [name, field] of Object.entries(FIELDS)) {
  field.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => want({ [name]: field.value.trim() }), name === "q" ? CALM_MS : 0);
  });
}
find("#lots-filter").addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  want({ q: FIELDS.q.value.trim() });
});

// --- rows that a person opened stay open ---------------------------------------------------------------------------

list.addEventListener(
  "toggle",
  ({ target }) => {
    const id = target.closest("li")?.id;
    if (id && target.isConnected) open[target.open ? "add" : "delete"](id);
  },
  true,
);
document.addEventListener("part", ({ target }) => {
  if (target.id === "tallies") draw();
  if (target !== list) return;
  for (const id of open) {
    const fold = document.getElementById(id)?.querySelector("details");
    if (fold) fold.open = true;
  }
});

try {
  const kept = JSON.parse(localStorage[KEPT] ?? "{}");
  for (const [name, field] of Object.entries(FIELDS)) {
    field.value = kept[name] ?? "";
    if (field.value !== (kept[name] ?? "")) kept[name] = field.value = ""; // an item that is tested here no more
  }
  wanted = { ...wanted, ...kept, page: 1 };
} catch {
  // what another version kept
}
list.dataset.query = query();
draw();
if (list.dataset.query) refresh(list);
const linked = /^#goods-(\d{20})$/.exec(location.hash)?.[1];
if (linked) showLotRow(linked, (row) => row.scrollIntoView({ block: "center" }));
