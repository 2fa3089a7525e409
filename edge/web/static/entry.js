// Goods are registered: one lot after the other, what is the same for a truck only once.

import { onCode, tell } from "./codes.js";
import { drawNeeds, keepProofs, onProofs, proofs, setProofs } from "./entry_proofs.js";
import { otherGoods, weighedOn } from "./entry_scale.js";
import { board, find, grams, named, newKey, onChange, post, say, whenKnown } from "./live.js";
import { nextParty } from "./party.js";
import { photos } from "./photo.js";
import { goodsName, pick } from "./products.js";
import { plainCode } from "./scan.js";

const OF_TRUCK = ["supplier", "supplier-code", "origin", "origin-code", "plate", "supplier-address", "supplier-contact"];
const OF_LOT = ["product", "net", "upstream", "spec", "produced", "batch", "shelf-days"];
const form = find("#entry");
const button = find("#register");
const wrong = find("#wrong");
const answer = find("#answer");
const pictures = photos(find("#entry-photos"));
const value = (id) => find(`#${id}`).value.trim();
let unsure = null; // a request whose answer did not come, and its key
let truck = false; // what is the same for a truck stands there as chips

function read() {
  for (const id of ["product", "net", "supplier", "origin"]) {
    if (!value(id)) {
      const label = find(`#${id}`).closest("label").firstChild.textContent.trim();
      return [say("field_missing", { field: label }), id];
    }
  }
  const net = grams(value("net"));
  if (!net) return [say("kg_wrong"), "net"];
  const code = plainCode(value("supplier-code"));
  if (code && !/^\d{13}$/.test(code)) return [say("supplier_code_wrong"), "supplier-code"];
  const upstream = plainCode(value("upstream"));
  if (upstream && !/^\d{20}$/.test(upstream)) return [say("upstream_wrong"), "upstream"];
  const days = value("shelf-days");
  if (days && !/^[1-9]\d{0,4}$/.test(days)) return [say("days_wrong"), "shelf-days"];
  if (pictures.coming()) return [say("photo_coming"), "register"];
  const packed = !find("#package").hidden;
  return {
    product: value("product"),
    net_g: net,
    origin: value("origin"),
    origin_code: value("origin-code"),
    supplier: value("supplier"),
    supplier_code: code,
    supplier_address: value("supplier-address"),
    supplier_contact: value("supplier-contact"),
    plate: value("plate"),
    scale: weighedOn(),
    proofs: proofs(),
    photos: pictures.hashes(),
    upstream,
    ...(packed && { spec: value("spec"), produced: value("produced"), batch: value("batch"), shelf_days: days ? Number(days) : null }),
  };
}

/** What stands in the form; of what a scale weighed nothing, since that is used up before the answer is here. */
function written(weighed) {
  const fields = [...OF_TRUCK, ...OF_LOT].filter((id) => id !== "net" || !weighed);
  return JSON.stringify([fields.map((id) => find(`#${id}`).value), proofs(), pictures.hashes()]);
}

function line(className, ...texts) {
  const p = document.createElement("p");
  p.className = className;
  texts.forEach((text, at) => {
    const part = document.createElement(at > 0 ? "b" : "span"); // the label, then the value
    part.textContent = text;
    p.append(part, " ");
  });
  return p;
}

function show(said, name) {
  const lines = [line("done", named(say("registered"), ""), name)];
  if (said.source) {
    lines.push(line("big", say("source_code"), said.source), line("hint", say("released_now")));
  } else {
    lines.push(line("huge", say("sample_no"), said.sample), line("hint", say("write_sample")));
    if (said.unchecked) lines.push(line("hint", say("unchecked_test")));
    lines.push(line("small", say("test_code"), said.test_code));
  }
  const words = document.documentElement.lang === "en" ? "message_en" : "message_zh";
  for (const one of said.warnings ?? []) lines.push(line("why", one[words]));
  answer.replaceChildren(...lines);
  answer.hidden = false;
}

function nextLot() {
  keepProofs();
  for (const id of OF_LOT) find(`#${id}`).value = "";
  pictures.clear();
  otherGoods();
  drawGoods();
  setTruck(true);
  nextParty("supplier");
  keep();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = read();
  if (Array.isArray(body)) {
    wrong.textContent = body[0];
    if (OF_TRUCK.includes(body[1])) setTruck(false);
    find(`#${body[1]}`).focus();
    return;
  }
  wrong.textContent = "";
  answer.hidden = true;
  button.disabled = true;
  const text = JSON.stringify(body);
  const key = unsure?.text === text ? unsure.key : newKey();
  const name = goodsName(body.product);
  const before = written(body.scale);
  const registered = (said) => {
    unsure = null;
    wrong.textContent = "";
    show(said, name);
    if (written(body.scale) !== before) return; // somebody has typed on
    nextLot();
    find("#product").focus({ preventScroll: true });
    answer.scrollIntoView({ block: "nearest" }); // the number that is written on the sample's bag
  };
  try {
    registered(await post("/api/entries", body, key));
  } catch (error) {
    if (error.code !== "not_sent") unsure = error.known ? null : { text, key };
    wrong.textContent = error.message;
    whenKnown(error, (said) => unsure?.key === key && registered(said), (words, state) => {
      if (unsure?.key !== key) return;
      if (state === "not_done") unsure = null;
      wrong.textContent = words;
    });
  } finally {
    button.disabled = false;
  }
});

// --- the truck --------------------------------------------------------------------------------------------------------

/** Show what is the same for the truck as chips, or its fields. */
function setTruck(chips) {
  truck = chips && Boolean(value("supplier") && value("origin"));
  find("#truck").hidden = !truck;
  find("#truck-fields").hidden = truck;
  foldVouchers(truck);
  const texts = [["supplier", value("supplier")], ["origin", value("origin")], ["plate", value("plate")]];
  find("#truck-chips").replaceChildren(...texts.filter(([, text]) => text).map(([id, text]) => {
    const chip = document.createElement("button");
    Object.assign(chip, { type: "button", className: "quiet", textContent: text });
    chip.dataset.local = "";
    chip.addEventListener("click", () => {
      setTruck(false);
      find(`#${id}`).focus();
    });
    return chip;
  }));
  const vouchers = document.createElement("button");
  Object.assign(vouchers, { type: "button", className: "quiet", textContent: `+ ${say("proof_type")}` });
  vouchers.dataset.local = "";
  vouchers.addEventListener("click", () => {
    foldVouchers(false);
    find("#certificate").focus();
  });
  find("#truck-chips").append(vouchers);
}

/** The truck's vouchers are known: another one is added by hand only. */
function foldVouchers(folded) {
  find(".vouchers").classList.toggle("folded", folded && find("#needs").hidden);
}

find("#next-truck").addEventListener("click", () => {
  for (const id of OF_TRUCK) find(`#${id}`).value = "";
  setProofs([]);
  setTruck(false);
  nextParty("supplier");
  answer.hidden = true;
  keep();
  find("#supplier").focus();
});

/** What was said the last time of this supplier and these goods fills what is empty; who is just about to type there writes
 * over it. */
async function remember() {
  const asked = new URLSearchParams({ supplier: value("supplier"), supplier_code: value("supplier-code"), product: value("product") });
  const said = await fetch(`/api/entries/last?${asked}`).then((one) => (one.ok ? one.json() : null)).catch(() => null);
  if (!said || asked.get("supplier") !== value("supplier") || asked.get("product") !== value("product")) return;
  const fill = (id, text) => {
    const field = find(`#${id}`);
    if (value(id) || !text) return;
    field.value = text;
    if (field === document.activeElement) field.select();
  };
  const place = value("origin");
  fill("origin", said.origin);
  if (!place || place === said.origin) find("#origin-code").value = said.origin_code;
  if (said.supplier) {
    if (said.supplier === value("supplier")) fill("supplier-code", said.supplier_code);
    fill("supplier-address", said.supplier_address);
    fill("supplier-contact", said.supplier_contact);
  }
  keep();
}

find("#supplier").addEventListener("input", (event) => {
  if (event.detail === "picked") return;
  for (const id of ["supplier-code", "supplier-address", "supplier-contact"]) find(`#${id}`).value = "";
});
find("#origin").addEventListener("input", () => (find("#origin-code").value = ""));
for (const id of ["supplier", "supplier-code"]) find(`#${id}`).addEventListener("change", remember);

// --- the goods --------------------------------------------------------------------------------------------------------

function drawGoods() {
  const goods = (board.products ?? []).find((one) => one.code === value("product"));
  find("#package").hidden = !goods?.packed;
  drawNeeds(value("product"));
  foldVouchers(truck);
}

find("#product").addEventListener("change", () => {
  drawGoods();
  if (value("product")) remember();
});
onProofs(() => drawNeeds(value("product")));
onChange((changed) => changed.has("products") && drawGoods());

function takeProduct(code) {
  if (!pick(code)) return tell(say("scan_unknown_product", { code }), true);
  tell(named(say("product"), goodsName(code)));
}

onCode({ product: takeProduct });

// --- what is begun outlasts a restart of the page -----------------------------------------------------------------------

function keep() {
  const fields = Object.fromEntries([...OF_TRUCK, ...OF_LOT].map((id) => [id, find(`#${id}`).value]));
  localStorage.entry = JSON.stringify({ fields, proofs: proofs(), truck });
}

form.addEventListener("input", keep);
form.addEventListener("change", keep);
try {
  const begun = JSON.parse(localStorage.entry ?? "{}");
  for (const [id, text] of Object.entries(begun.fields ?? {})) if (find(`#${id}`)) find(`#${id}`).value = text;
  setProofs(begun.proofs ?? []);
  setTruck(Boolean(begun.truck));
} catch {
  delete localStorage.entry;
}
