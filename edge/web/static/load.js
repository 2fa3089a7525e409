// What is sold: what the scale says, less a container of known mass; a typed weight, when the scale cannot be read; what a
// label says; or so many pieces.

import { board, find, fresh, grams, onChange, say, toast } from "./live.js";

const BROKEN = new Set(["no_signal", "stale", "error"]);
const KNOWN_TARES = 4;
let tare = 0;
let pinned = false;
let typed = null; // {g, reason}
let label = null; // {code, g, fen, product}: what a label says
let redraw = () => {};
let scale = () => undefined;

const kilograms = (g) => `${g < 0 ? "-" : ""}${(Math.abs(g) / 1000).toFixed(3)}`;

/** Grams in the unit and with the digits that the scale shows, or more where they are needed. */
function digits(g, one) {
  if (one.unit === "g") return String(g);
  const shown = one.unit === "kg" ? (one.text.split(".")[1] ?? "").length : 3;
  let text = kilograms(g);
  for (let at = 3; at > shown && text.endsWith("0"); at--) text = text.slice(0, -1);
  return text.replace(/\.$/, "");
}

/**
 * What would be sold now: `g` grams net (null when there is no weight) as `text`; `why` the container forbids it.
 * `free`: it does not lie on the scale. `pieces` or a `label` say what it is then.
 */
export function load(one, goods) {
  if (goods?.by === "piece") {
    const pieces = Number(/^\d{1,5}$/.test(count.value) && count.value) || 0;
    return { g: 0, text: String(pieces), unit: say("how_many"), why: pieces ? "" : "count", free: true, pieces };
  }
  if (label && label.product === goods?.code) {
    return { g: label.g, text: kilograms(label.g), unit: "kg", why: "", free: true, label };
  }
  if (typed) return { g: typed.g, text: kilograms(typed.g), unit: "kg", why: "", free: true, typed };
  if (!one || one.net_g === null) return { g: null, text: "", unit: "", why: "" };
  if (!tare) return { g: one.net_g, text: one.text, unit: one.unit, why: "" };
  const g = one.net_g - tare;
  const why = one.tare_why || (g <= 0 ? "tare" : g < one.min_g ? "below_min" : "");
  return { g, text: digits(g, one), unit: one.unit === "g" ? "g" : "kg", why };
}

/** What a sale says of its load. */
export function saleOf(what) {
  if (what.pieces) return { pieces: what.pieces };
  if (what.label) return { label: what.label.code, seen_g: what.g };
  if (what.typed) return { seen_g: what.g, manual_g: what.typed.g, reason: what.typed.reason };
  return { seen_g: what.g, ...(tare && { tare_g: tare }) };
}

/** What a label says is sold next; nothing takes it back. */
export function takeLabel(said) {
  label = said;
  redraw();
}

/** The load was sold: the next one has another container, and perhaps a scale. */
export function nextLoad() {
  typed = label = null;
  count.value = "1";
  if (!pinned) tare = 0;
}

/** Another scale: its containers are its own. */
export function otherScale() {
  typed = label = null;
  [tare, pinned] = [0, false];
}

const broken = (one) => fresh() && (!one || BROKEN.has(one.why));

/** Gross, tare and net beneath the weight, and the two keys. */
export function drawLoad(one, what) {
  const shown = tare > 0 && !what.free;
  find("#count").hidden = what.pieces === undefined;
  const known = one && fresh() && one.net_g !== null;
  find("#masses").hidden = !shown;
  if (shown) {
    const texts = [known ? `${one.text} ${one.unit}` : "–", `${kilograms(tare)} kg`, known ? `${load(one).text} ${load(one).unit}` : "–"];
    ["#mass-gross", "#mass-tare", "#mass-net"].forEach((id, at) => (find(id).textContent = texts[at]));
  }
  find("#tare-pinned").hidden = !(shown && pinned);
  find("#tare-open").hidden = Boolean(what.free);
  find("#tare-open").classList.toggle("on", shown);
  find("#typed-open").hidden = Boolean(typed);
  find("#typed-open").disabled = !broken(one);
  find("#typed-end").hidden = !typed && !what.label;
  find("#typed-end").textContent = say(what.label ? "label_end" : "typed_end");
}

// --- the container ----------------------------------------------------------------------------------------------

const taring = find("#taring");
const field = find("#taring-kg");
const count = find("#count-n");

function knownTares() {
  try {
    const known = JSON.parse(localStorage.tares ?? "[]");
    return known.filter((g) => Number.isInteger(g) && g > 0 && g < 1e6).slice(0, KNOWN_TARES);
  } catch {
    return [];
  }
}

function openTare() {
  const why = scale()?.tare_why;
  if (why && !tare) return toast(say(`weight.${why}`));
  field.value = tare ? kilograms(tare) : "";
  find("#taring-pin").checked = pinned;
  find("#taring-wrong").textContent = "";
  const chips = knownTares().map((g) => {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = "quiet";
    chip.textContent = `${kilograms(g)} kg`;
    chip.addEventListener("click", () => setTare(g));
    return chip;
  });
  find("#taring-known").replaceChildren(...chips);
  taring.showModal();
  field.select();
}

function setTare(g) {
  const largest = scale()?.max_g;
  if (g === null || (largest && g >= largest)) {
    find("#taring-wrong").textContent = say("tare_wrong");
    field.focus();
    return;
  }
  tare = g;
  pinned = g > 0 && find("#taring-pin").checked;
  if (g) localStorage.tares = JSON.stringify([g, ...knownTares().filter((one) => one !== g)].slice(0, KNOWN_TARES));
  taring.close();
  redraw();
}

/** A container of known mass, scanned; the answer is why it cannot be taken off, in words, or nothing. */
export function takeTare(g) {
  const one = scale();
  const why = one?.tare_why;
  if (typed || why) return say(typed ? "typed" : `weight.${why}`);
  if (one?.max_g && g >= one.max_g) return say("tare_wrong");
  tare = g;
  pinned = false;
  redraw();
  return "";
}

find("#tare-open").addEventListener("click", openTare);
field.addEventListener("input", () => (find("#taring-wrong").textContent = ""));
find("#taring-clear").addEventListener("click", () => setTare(0));
find("#taring-cancel").addEventListener("click", () => taring.close());
taring.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  setTare(field.value.trim() ? grams(field.value.trim()) : 0);
});

// --- a typed weight: the marked exception ---------------------------------------------------------------------------

const typing = find("#typing");

find("#typed-open").addEventListener("click", () => {
  find("#typing-kg").value = "";
  find("#typing-wrong").textContent = "";
  typing.showModal();
});
find("#typing-reasons").addEventListener("click", (event) => {
  const one = event.target.closest("button");
  if (one) find("#typing-reason").value = one.textContent;
});
find("#typing-cancel").addEventListener("click", () => typing.close());
find("#typed-end").addEventListener("click", () => {
  typed = label = null;
  redraw();
});
typing.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const g = grams(find("#typing-kg").value.trim());
  const reason = find("#typing-reason").value.trim();
  find("#typing-wrong").textContent = !g ? say("typed_wrong") : !reason ? say("reason_missing") : "";
  if (!g || !reason) {
    find(g ? "#typing-reason" : "#typing-kg").focus();
    return;
  }
  typed = { g, reason };
  typing.close();
  redraw();
});

for (const [id, step] of [["#count-less", -1], ["#count-more", 1]]) {
  find(id).addEventListener("click", () => {
    count.value = String(Math.min(99_999, Math.max(1, (Number(count.value) || 0) + step)));
    redraw();
  });
}
count.addEventListener("input", () => redraw());

/** Draw with `draw` when something here changed; `find` the scale that is chosen; `busy` while a sale is under way. */
export function follow(draw, chosen, busy) {
  redraw = draw;
  scale = chosen;
  onChange(() => {
    const one = scale();
    if (!fresh() || busy() || !(board.scales ?? []).length || broken(one)) return;
    if (typing.open) typing.close();
    if (typed) {
      typed = null;
      toast(say("scale_back"));
      redraw();
    }
  });
}
