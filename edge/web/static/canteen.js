// The canteen: a delivery is chosen, its lines are weighed and looked at, two people sign. What stands here is the
// board's: a load that is on the list is on the station's disk.

import { count, kg, name, needWords } from "./canteen_words.js";
import { end, onCode, tell, tareOf } from "./codes.js";
import { beginUnmatched, chooseGoods, fills, look, onSaved } from "./canteen_dialogs.js";
import { askCame } from "./canteen_came.js";
import { crateOf, drawPress, onPress, pressed, setCrate, weighs } from "./canteen_weigh.js";
import { drawKept, keptBody, showKept, wasteBody, wasteDone } from "./canteen_kept.js";
import { openSigning } from "./canteen_sign.js";
import { askEnd } from "./canteen_end.js";
import { board, find, fresh, named, newKey, onChange, post, say, sorry, toast, whenKnown, yuan } from "./live.js";
import "./prints.js";

const at = { tab: "deliveries", delivery: Number(sessionStorage.delivery ?? 0), line: 0 };
const deliveries = () => board.deliveries ?? [];
const delivery = () => deliveries().find((one) => one.number === at.delivery && one.state === "open");
const line = () => delivery()?.lines.find((one) => one.line === at.line);
let busy = false;

const make = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
const button = (className, text, data) => {
  const one = Object.assign(make("button", className, text), { type: "button" });
  Object.assign(one.dataset, data);
  return one;
};

// --- what is chosen ---------------------------------------------------------------------------------------------------

function go(number) {
  at.delivery = number;
  sessionStorage.delivery = number;
  const lines = delivery()?.lines ?? [];
  at.line = (lines.find((one) => one.needs.includes("goods") && !one.unit) ?? lines.find((one) => !one.unit))?.line ?? 0;
  find("#answer").hidden = true;
  draw();
  scrollTo(0, 0);
}

function tab(wanted) {
  at.tab = wanted;
  for (const one of document.querySelectorAll("[data-place]")) {
    one.setAttribute("aria-pressed", String(one.dataset.place === wanted));
  }
  find("#answer").hidden = true;
  draw();
}

// --- orders -----------------------------------------------------------------------------------------------------------

function orderCard(one) {
  const card = button(`order ${one.state}`, "", one.delivery && one.state === "open" ? { go: one.delivery } : { begin: one.code });
  card.append(make("b", "name", one.supplier), make("span", "state", one.state === "open" ? say("cn_open") : one.state ? say("cn_done") : ""));
  const facts = [one.code, one.meal, say("cn_lines_n", { n: one.lines, kg: kg(one.ordered_g) }), one.blind ? say("cn_blind") : ""];
  card.append(make("span", "more", facts.filter(Boolean).join(" · ")));
  card.disabled = one.state === "done";
  return card;
}

function openCard(one) {
  const card = button("order open", "", { go: one.number });
  card.append(make("b", "name", one.supplier), make("span", "state", say("cn_open")), make("span", "more", one.unmatched || one.order));
  return card;
}

function closedCard(one) {
  const card = make("div", `order ${one.state}`);
  card.append(make("b", "name", one.supplier), make("span", "state", say(one.state === "done" ? "cn_done" : "cn_voided")));
  const facts = [end(one.code), one.order, one.time.slice(5, 16).replace("T", " "), `${kg(one.accepted_g)} kg`, one.sum_fen === null ? "" : `¥${yuan(one.sum_fen)}`];
  card.append(make("span", "more", facts.filter(Boolean).join(" · ")));
  if (one.state === "done") card.append(button("quiet", say("cn_void"), { unaccept: one.code }));
  return card;
}

let listed = "";
function drawOrders() {
  const orders = board.orders ?? [];
  const text = JSON.stringify([orders, deliveries()]);
  if (text === listed) return; // a card that is replaced under a finger is not pressed
  listed = text;
  const ours = orders.filter((one) => one.today);
  const loose = deliveries().filter((one) => one.state === "open" && !one.order).map(openCard);
  const cards = [...ours.map(orderCard), ...loose];
  find("#orders").replaceChildren(...(cards.length ? cards : [make("p", "empty", say("cn_no_orders"))]));
  const others = orders.filter((one) => !one.today && one.state !== "done");
  find("#others").replaceChildren(...others.map(orderCard));
  find("#others-title").hidden = others.length === 0;
  const closed = deliveries().filter((one) => one.state !== "open");
  find("#closed").replaceChildren(...closed.map(closedCard));
  find("#closed-title").hidden = closed.length === 0;
}

// --- a delivery -------------------------------------------------------------------------------------------------------

const WARNINGS = { suspended: "cn_suspended", licence_expired: "cn_licence_expired", no_licence: "cn_no_licence", other_seller: "cn_other_seller" };

function drawHead(one) {
  const facts = make("div", "");
  facts.append(make("b", "name", one.supplier));
  const until = one.licence_until ? say("cn_licence_until", { date: one.licence_until }) : "";
  const more = [one.order || one.unmatched, one.meal, one.blind ? say("cn_blind") : "", one.licence ? `${say("cn_licence", { no: one.licence })} ${until}` : "", one.slips.length ? say("cn_slips_n", { n: one.slips.length }) : "", one.proofs.length ? say("cn_proofs_n", { n: one.proofs.length }) : "", one.photos.length ? say("cn_photos_n", { n: one.photos.length }) : "", one.plate];
  facts.append(make("span", "more", more.filter(Boolean).join(" · ")));
  for (const word of one.warnings) facts.append(make("b", word === "no_licence" ? "warn" : "bad", say(WARNINGS[word])));
  find("#delivery-facts").replaceChildren(facts);
}

function lineRow(one) {
  const row = make("li", `dline ${one.line === at.line ? "chosen" : ""} ${one.needs.length ? "needs" : "fine"} ${one.refused ? "refused" : ""}`);
  const head = button("head", "", { line: one.line });
  head.setAttribute("aria-pressed", String(one.line === at.line));
  head.append(make("b", "name", `${one.line}. ${name(one)}`));
  const took = one.unit ? [count(one.ordered_n, one.unit), count(one.delivered_n, one.unit)] : [kg(one.ordered_g), kg(one.delivered_g)];
  const ordered = one.not_ordered ? say("cn_not_ordered") : say("cn_ordered", { n: took[0] });
  head.append(make("span", "came", `${ordered} · ${say("cn_came", { n: took[1] })}`));
  const difference = make("span", `difference ${one.over ? "over" : ""}`, one.difference && (one.delivered_g || one.delivered_n) ? `${one.difference} %` : "");
  head.append(difference);
  const rejected = one.unit ? one.rejected_n && count(one.rejected_n, one.unit) : one.rejected_g && kg(one.rejected_g);
  const said = [rejected ? say("cn_refused_n", { n: rejected }) : "", one.reason, one.why_difference, one.temperature ? `${one.temperature} ℃${one.probe ? "" : `（${say("typed")}）`}` : "", one.sensory, one.photos.length ? say("cn_photos_n", { n: one.photos.length }) : "", { near: say("cn_near"), past: say("cn_past") }[one.expiry] ?? "", one.amount_fen === null ? "" : `¥${yuan(one.amount_fen)}`];
  head.append(make("span", "more", said.filter(Boolean).join(" · ")));
  if (one.needs.length) head.append(make("span", "need", one.needs.map(needWords).join(" · ")));
  row.append(head);
  if (one.line === at.line) row.append(inside(one));
  return row;
}

/** What can be done with the line that is chosen: its loads, its sources, the way to look at it. */
function inside(one) {
  const box = make("div", "inside");
  const loads = make("div", "chips loads-of");
  for (const load of one.loads) {
    const text = `${load.kind === "rejected" ? "−" : ""}${kg(load.net_g)}${load.typed ? " ✎" : ""} ✕`;
    const chip = button(`quiet ${load.kind}`, text, { load: load.load });
    chip.setAttribute("aria-label", say("cn_load_off", { kg: kg(load.net_g) }));
    loads.append(chip);
  }
  const sources = make("div", "chips");
  for (const source of one.sources) {
    const words = [end(source.source), say({ genuine: "cn_genuine", unknown_key: "cn_unknown_key", unchecked: "cn_unchecked" }[source.result]), source.verdict && say(`verdict.${source.verdict}`), source.origin];
    const chip = button(`quiet source ${source.result}`, `${words.filter(Boolean).join(" ")} ✕`, { source: source.source });
    chip.setAttribute("aria-label", say("cn_source_off", { code: end(source.source) }));
    sources.append(chip);
  }
  const acts = make("p", "acts");
  acts.append(button("quiet", say(one.unit ? "cn_count" : "cn_check"), { look: one.line }));
  box.append(loads, sources, acts);
  return box;
}

let shown = "";
function drawDelivery(one) {
  const text = JSON.stringify([one, at.line]);
  if (text === shown) return;
  shown = text;
  const focused = document.activeElement?.closest("#lines [data-line]")?.dataset.line;
  drawHead(one);
  find("#lines").replaceChildren(...one.lines.map(lineRow));
  if (focused) find(`#lines [data-line="${focused}"]`)?.focus();
}

function drawBar(one) {
  const kept = at.tab !== "deliveries";
  find("#bar").hidden = !one && !kept;
  find("#panel").hidden = !one && !kept;
  find("#sum").hidden = kept;
  find("#sign").hidden = kept;
  find("#rejecting").hidden = kept;
  find("#typed-open").hidden = kept;
  drawPress(at.tab, one, line(), busy);
  if (!one || kept) return;
  const goods = line();
  find("#sum-words").textContent = goods ? `${goods.line}. ${name(goods)}` : say("cn_choose_line");
  find("#sum-more").textContent = say("cn_taken_all", { n: kg(one.accepted_g), of: kg(one.ordered_g) });
  find("#amount").textContent = one.sum_fen === null ? say("cn_no_price") : `¥${yuan(one.sum_fen)}`;
  find("#amount").classList.toggle("rough", one.sum_fen === null);
  const why = one.lines.find((each) => each.needs.length);
  const words = why ? say("cn_sign_first", { name: name(why), why: needWords(why.needs[0]) }) : say("cn_sign", { n: one.signed.length, of: one.signers });
  const sign = find("#sign");
  sign.setAttribute("aria-disabled", String(Boolean(why) || !one.lines.length));
  sign.classList.toggle("ready", !why && one.lines.length > 0);
  find("#sign-words").textContent = words;
}

function draw() {
  const one = at.tab === "deliveries" ? delivery() : undefined;
  if (at.delivery && board.version !== undefined && !delivery()) at.delivery = sessionStorage.delivery = 0;
  document.body.classList.toggle("at-scale", Boolean(one) || at.tab !== "deliveries");
  find("#at-orders").hidden = at.tab !== "deliveries" || Boolean(one);
  find("#at-delivery").hidden = !one;
  find("#at-kept").hidden = at.tab !== "kept";
  find("#at-waste").hidden = at.tab !== "waste";
  if (one) drawDelivery(one);
  else {
    shown = "";
    if (at.tab === "deliveries") drawOrders();
  }
  drawKept();
  drawBar(one);
}

// --- what is done -----------------------------------------------------------------------------------------------------

function complain(error) {
  const box = find("#answer");
  box.className = `answer ${error.known ? "refused" : "unsure"}`;
  box.replaceChildren(make("b", "", error.message));
  box.hidden = false;
}

async function act(address, body = {}, said = "") {
  try {
    const answer = await post(address, body);
    if (said) toast(said);
    return answer;
  } catch (error) {
    sorry(error);
    return null;
  }
}

async function press() {
  const one = delivery();
  const goods = line();
  const what = pressed(at.tab, one, goods, busy);
  if (!what) return;
  busy = true;
  find("#answer").hidden = true;
  draw();
  const key = newKey();
  const done = (answer) => {
    if (at.tab === "deliveries") counted(goods, what);
    else if (at.tab === "kept") toast(say("cn_kept_now", { n: answer.number, g: answer.net_g }));
    else {
      wasteDone();
      toast(say("cn_waste_done", { kg: kg(answer.net_g) }));
    }
    navigator.vibrate?.(60);
  };
  try {
    if (at.tab === "deliveries") {
      const answer = await post(`/api/deliveries/${one.number}/lines/${goods.line}/loads`, what, key);
      done(answer);
      await shownHere(answer.version); // no second press before the page shows what the first one was
      goOn();
    }
    else if (at.tab === "kept") done(await post("/api/kept-samples", { ...what, ...keptBody() }, key));
    else done(await post("/api/waste", { ...what, ...wasteBody() }, key));
  } catch (error) {
    complain(error);
    whenKnown(error, done, (words) => complain({ message: words, known: true }));
  } finally {
    busy = false;
    draw();
  }
}

async function shownHere(version) {
  for (let tries = 0; tries < 50 && (delivery()?.version ?? version) < version; tries += 1) await new Promise((go) => setTimeout(go, 50));
}

let full = 0; // the line that was counted last: when it has enough, the next one is chosen
function counted(goods, what) {
  onPress(what);
  if (what.kind !== "rejected") full = goods.line;
}

function goOn() {
  const one = delivery();
  const goods = one?.lines.find((each) => each.line === full);
  if (!goods || goods.line !== at.line || goods.needs.length || goods.not_ordered) return;
  full = 0;
  const next = one.lines.find((each) => each.needs.includes("goods") && !each.unit);
  if (!next) return;
  at.line = next.line;
  draw();
  find("#lines .chosen")?.scrollIntoView({ block: "nearest" });
  find("#bar").animate([{ background: "var(--chosen)" }, {}], 1200);
}

const ACTS = {
  go: ({ go: number }) => go(Number(number)),
  begin: async ({ begin }) => {
    const answer = await act("/api/deliveries", { order: begin });
    if (!answer) return;
    await until(answer.delivery);
  },
  line: ({ line: number }) => {
    at.line = Number(number);
    full = 0;
    const goods = line();
    if (goods?.unit && !goods.delivered_n) look(delivery(), goods);
    draw();
  },
  look: () => look(delivery(), line()),
  load: ({ load }) => act(`/api/deliveries/${at.delivery}/lines/${at.line}/loads/${load}/remove`, {}, say("cn_load_gone")),
  source: ({ source }) => act(`/api/deliveries/${at.delivery}/lines/${at.line}/sources/${source}/remove`),
  unaccept: ({ unaccept: code }) => askEnd({
    title: say("cn_void"), effect: say("cn_void_effect"), go: say("cn_void"),
    done: (body) => post(`/api/acceptances/${code}/void`, body), said: say("cn_voided"),
  }),
  place: ({ place }) => tab(place),
};

/** Show this delivery as soon as the board has it. */
async function until(number) {
  at.delivery = number;
  sessionStorage.delivery = number;
  for (let tries = 0; tries < 50 && !delivery(); tries += 1) await new Promise((done) => setTimeout(done, 100));
  go(number);
}

document.addEventListener("click", (event) => {
  const one = event.target.closest("button");
  if (!one || one.disabled || one.closest("dialog")) return;
  const name = Object.keys(ACTS).find((key) => key in one.dataset);
  if (name) ACTS[name](one.dataset);
});
find("#press").addEventListener("click", press);
find("#leave").addEventListener("click", () => go(0));
find("#unmatched-open").addEventListener("click", () => beginUnmatched(until));
find("#add-line").addEventListener("click", () =>
  chooseGoods(async (goods) => {
    const answer = await act(`/api/deliveries/${at.delivery}/lines`, { product: goods });
    if (answer) at.line = answer.line;
    draw();
  }));
find("#came-open").addEventListener("click", () => delivery() && askCame(delivery()));
find("#drop-open").addEventListener("click", () =>
  askEnd({
    title: say("cn_drop"), effect: say("cn_drop_effect"), go: say("cn_drop"),
    done: (body) => post(`/api/deliveries/${at.delivery}/drop`, body), said: say("cn_dropped"),
  }));
find("#sign").addEventListener("click", () => {
  const one = delivery();
  const why = one?.lines.find((each) => each.needs.length);
  if (why) {
    at.line = why.line;
    draw();
    if (why.needs[0] !== "goods" || why.unit) look(one, why);
    return;
  }
  if (one?.lines.length) openSigning(delivery, (answer) => {
    if (!answer.code) return;
    tell(say("cn_accepted", { code: end(answer.code) }));
    go(0);
  });
});
onSaved(draw);
fills();

// --- codes that are scanned -------------------------------------------------------------------------------------------

async function check(code, card) {
  if (!delivery()) return tell(say("scan_not_here", { what: say("source_code"), code: end(code) }), true);
  const body = { code: card ?? code, ...(line() && !card ? { line: at.line } : {}) };
  const answer = await post(`/api/deliveries/${at.delivery}/scan`, body).catch((error) => tell(error.message, true));
  if (!answer) return;
  if (answer.line) at.line = answer.line;
  tell(say("cn_scanned", { what: end(code) }));
}
onCode({
  source: check,
  test: check,
  slip: (code, card, text) => check(code, text),
  order: (code) => {
    const one = (board.orders ?? []).find((order) => order.code === code);
    if (one?.state === "open") go(one.delivery);
    else if (one) ACTS.begin({ begin: code });
  },
  kept: (code) => {
    find('[data-place="kept"]').click();
    showKept(code);
  },
  product: (code) => {
    const goods = delivery()?.lines.find((one) => one.product === code);
    if (!goods) return tell(say("scan_unknown_product", { code }), true);
    at.line = goods.line;
    draw();
    tell(named(say("product"), name(goods)));
  },
  container: (code) => {
    setCrate(tareOf(code), code);
    tell(named(say("container_code"), `${code} ${kg(tareOf(code))} kg × ${crateOf().n}`));
    draw();
  },
});

onChange((changed) => {
  draw();
});
weighs(draw, press, () => at.tab === "deliveries" && Boolean(line()) && !busy && fresh());
draw();
