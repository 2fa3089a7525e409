// The gate: goods are registered; results come by themselves.

import { lotOf, onCode, point, tell } from "./codes.js";
import { find, grams, newKey, post, say, whenKnown } from "./live.js";
import "./results.js";
import { plainCode } from "./scan.js";

const form = find("#entry");
const button = find("#register");
const wrong = find("#wrong");
const answer = find("#answer");
const value = (id) => find(`#${id}`).value.trim();
let unsure = null; // a request whose answer did not come, and its key

function read() {
  for (const id of ["product", "net", "origin", "supplier"]) {
    if (!value(id)) {
      const label = find(`#${id}`).closest("label").firstChild.textContent.trim();
      return [say("field_missing", { field: label }), id];
    }
  }
  const net = grams(value("net"));
  if (!net) return [say("kg_wrong"), "net"];
  const upstream = plainCode(value("upstream"));
  if (upstream && !/^\d{20}$/.test(upstream)) return [say("upstream_wrong"), "upstream"];
  return {
    product: value("product"),
    net_g: net,
    origin: value("origin"),
    supplier: value("supplier"),
    plate: value("plate"),
    proofs: value("certificate") ? [{ type: "hgz", no: value("certificate") }] : [],
    upstream,
  };
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
  const lines = [line("done", `${say("registered")}：`, name)];
  if (said.source) {
    lines.push(line("big", say("source_code"), said.source), line("hint", say("released_now")));
  } else {
    lines.push(line("huge", say("sample_no"), said.sample), line("hint", say("write_sample")));
    if (said.unchecked) lines.push(line("hint", say("unchecked_test")));
    lines.push(line("small", say("test_code"), said.test_code));
  }
  answer.replaceChildren(...lines);
  answer.hidden = false;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = read();
  if (Array.isArray(body)) {
    wrong.textContent = body[0];
    find(`#${body[1]}`).focus();
    return;
  }
  wrong.textContent = "";
  answer.hidden = true;
  button.disabled = true;
  const text = JSON.stringify(body);
  const key = unsure?.text === text ? unsure.key : newKey();
  const name = find("#product").selectedOptions[0].textContent;
  const registered = (said) => {
    unsure = null;
    wrong.textContent = "";
    show(said, name);
    if (JSON.stringify(read()) !== text) return; // somebody has typed on
    // The next goods of the same truck: origin, supplier and plate stay.
    for (const id of ["product", "net", "certificate", "upstream"]) find(`#${id}`).value = "";
    find("#product").focus();
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

const filter = find("#filter");
if (filter) {
  const all = [...find("#product").options];
  filter.addEventListener("input", () => {
    const chosen = value("product");
    const text = filter.value.trim().toLowerCase();
    const kept = all.filter((one) => !one.value || one.textContent.toLowerCase().includes(text) || one.value.startsWith(text));
    find("#product").replaceChildren(...kept);
    find("#product").value = kept.some((one) => one.value === chosen) ? chosen : kept.length === 2 ? kept[1].value : "";
  });
}

// --- scans ------------------------------------------------------------------------------------------------------------

/** A sample's label: its lot is shown. */
function showLot(code) {
  const lot = lotOf(code);
  const card = lot && document.getElementById(`goods-${lot.test_code}`);
  if (!card) return tell(say("scan_unknown_lot", { code }), true);
  point(card);
  tell(`${say("sample")} ${lot.sample} · ${lot.product_name}`);
}

function takeProduct(code) {
  const select = find("#product");
  if (filter?.value) {
    filter.value = "";
    filter.dispatchEvent(new Event("input"));
  }
  const option = [...select.options].find((one) => one.value === code);
  if (!option) return tell(say("scan_unknown_product", { code }), true);
  select.value = code;
  tell(`${say("product")}：${option.textContent}`);
}

onCode({ test: showLot, product: takeProduct });
