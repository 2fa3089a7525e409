// Goods as tiles: tabs of their groups, found by initials, another name, a part of the name or the code. Tiles stand as
// they did when the page came, the most used first: they do not move under a finger.

import { board, find, nameOf } from "./live.js";
import { plain, rank, watch } from "./picker.js";

const pickers = new Map(); // each with what it chooses by its code

/** Choose these goods as a finger does; the answer is whether there are such. */
export function pick(code, root = find(".goods-picker")) {
  const tile = root.querySelector(`.product[data-code="${CSS.escape(code)}"]`);
  if (tile) pickers.get(root)(code);
  return Boolean(tile);
}

/** What the goods with this code are called here; empty when there are none such. */
export const goodsName = (code) => {
  const goods = (board.products ?? []).find((one) => one.code === code);
  return goods ? nameOf(goods) : "";
};

function setUp(root) {
  const box = root.querySelector(".products");
  const field = root.querySelector(".find input");
  const none = root.querySelector(".none");
  const into = root.dataset.into ? find(`#${root.dataset.into}`) : null;
  const order = new Map([...box.querySelectorAll(".product")].map((tile, at) => [tile.dataset.code, at]));
  let tab = "";

  function arrange() {
    const tiles = [...box.querySelectorAll(".product")];
    const place = (tile) => order.get(tile.dataset.code) ?? order.size;
    const focused = document.activeElement;
    const sorted = [...tiles].sort((one, other) => place(one) - place(other));
    if (sorted.some((tile, at) => tile !== tiles[at])) box.append(...sorted);
    if (box.contains(focused)) focused.focus({ preventScroll: true });
    const text = plain(field?.value ?? "");
    let shown = 0;
    for (const tile of tiles) {
      const name = plain(tile.querySelector(".name").textContent);
      const found = text && rank(name, [tile.dataset.code, ...tile.dataset.find.toLowerCase().split(" ")], text);
      tile.hidden = text ? found === null : Boolean(tab) && tile.dataset.group !== tab;
      tile.style.order = text && found !== null ? found : ""; // 0 is no order either: as they stand
      shown += !tile.hidden;
    }
    none.hidden = shown > 0 || !tiles.length;
    root.classList.toggle("searching", Boolean(text));
    for (const one of root.querySelectorAll("[data-tab]")) {
      one.setAttribute("aria-pressed", String(!text && one.dataset.tab === tab));
    }
    drawChosen();
  }

  /** The one that Enter means: found best, and of those the most used. */
  const first = () =>
    [...box.querySelectorAll(".product:not([hidden])")].sort((one, other) => one.style.order - other.style.order)[0];

  function forget() {
    if (!field?.value) return;
    field.value = "";
    arrange();
  }

  field?.addEventListener("input", arrange);
  field?.addEventListener("keydown", (event) => {
    if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
    event.preventDefault(); // Enter chooses, and sends no form
    if (event.key === "Enter" && field.value) first()?.click();
    else forget();
  });
  root.addEventListener("click", ({ target }) => {
    const one = target.closest("[data-tab]");
    if (!one) return;
    tab = one.dataset.tab;
    if (field) field.value = "";
    arrange();
  });
  box.addEventListener("click", ({ target }) => {
    const tile = target.closest(".product");
    if (!tile) return;
    if (into) put(tile.dataset.code);
    if (field?.value) {
      field.blur();
      forget();
      tile.scrollIntoView({ block: "nearest" });
    }
  });
  document.addEventListener("part", (event) => event.target === box && arrange());

  // --- as a field of a form ---------------------------------------------------------------------------------------

  function put(code) {
    tab = ""; // the next goods are looked for among all
    into.value = code;
    arrange();
    for (const kind of ["input", "change"]) into.dispatchEvent(new Event(kind, { bubbles: true }));
  }

  function drawChosen() {
    if (!into) return;
    const code = into.value;
    for (const tile of box.querySelectorAll(".product")) tile.setAttribute("aria-pressed", String(tile.dataset.code === code));
    const name = box.querySelector(`.product[data-code="${CSS.escape(code)}"] .name`);
    root.querySelector(".picked").hidden = !name;
    root.querySelector(".picked b").textContent = name?.textContent ?? "";
    root.querySelector(".picking").hidden = Boolean(name);
  }

  if (into) watch(into, drawChosen);
  into?.addEventListener("focus", () => {
    (into.value ? root.querySelector(".picked button") : (box.querySelector(".product:not([hidden])") ?? box)).focus();
  });
  root.querySelector(".picked button")?.addEventListener("click", () => {
    put("");
    root.querySelector(".product:not([hidden])")?.focus();
  });

  pickers.set(root, into ? put : (code) => box.querySelector(`[data-code="${CSS.escape(code)}"]`)?.click());
  arrange();
}

for (const root of document.querySelectorAll(".goods-picker")) setUp(root);
