// The hall's screen: today's tests, lots on hold, reference prices. It turns its own pages, for days.

import { find, made, nameOf, say, set, show, yuan } from "./screen.js";

const SIGNS = { released: "✓", held: "■", pending: "○" };
const list = find("#list");
const seconds = Number(find("#counts").dataset.seconds);
let screen = null;
let at = 0;

const cells = (kind, ...texts) => {
  const item = made("li", kind, "");
  item.append(...texts.map((text) => made("span", "", text)));
  return item;
};

/** What the lists have: the name of each, and its rows. */
function lists() {
  const verdict = (lot) => (lot.verdict ? say(`verdict.${lot.verdict}`) : say(`lot.${lot.state}`));
  const prices = screen.prices;
  return [
    [say("hall_on_hold"), screen.on_hold.map((lot) =>
      cells("held", `■ ${nameOf(lot)}`, lot.origin, `${lot.stall} …${lot.code}`.trim(), say("hall_stopped")))],
    [say("hall_tests"), screen.lots.map((lot) =>
      cells(lot.state, `${SIGNS[lot.state] ?? ""} ${nameOf(lot)}`, lot.origin, `${lot.time} …${lot.code}`, verdict(lot)))],
    [prices ? say("hall_prices", { date: prices.date, time: prices.until }) : "", (prices?.rows ?? []).map((one) =>
      cells("price", nameOf(one), `${yuan(one.min_fen)}–${yuan(one.max_fen)}`, "", `¥${yuan(one.mean_fen)}${say("per.1000")}`))],
  ].filter(([, rows]) => rows.length);
}

function pages() {
  const probe = cells("", "x", "x", "x", "x");
  list.replaceChildren(probe);
  const height = probe.getBoundingClientRect().height || 40;
  const room = Math.max(1, Math.floor(list.clientHeight / height));
  return lists().flatMap(([name, rows]) => {
    const count = Math.ceil(rows.length / room);
    return Array.from({ length: count }, (_, page) => [name, rows.slice(page * room, (page + 1) * room), page + 1, count]);
  });
}

function drawPage() {
  if (!screen) return;
  const all = pages();
  at = all.length ? at % all.length : 0;
  const [name, rows, page, count] = all[at] ?? [say("hall_nothing"), [], 1, 1];
  set(find("#list-name"), name);
  set(find("#list-place"), count > 1 ? `${page}/${count}` : "");
  list.replaceChildren(...rows);
}

function draw(now) {
  const known = now?.counted ? now : null;
  set(find("#date"), now ? `${now.date}${["unsynced", "unknown", "estimated"].includes(now.clock) ? ` · ${say(`clock.${now.clock}`)}` : ""}` : say("customer_away"));
  const counts = { entries: known?.entries, tested: known?.tested, passed: known ? known.verdicts.qualified ?? 0 : undefined, waiting: now?.waiting, held: now?.held };
  for (const [name, count] of Object.entries(counts)) set(find(`#count-${name}`), count === undefined ? "–" : String(count));
  document.body.classList.toggle("away", !now);
  if (!now) return; // what stood there stays, grey: the day's results do not become untrue
  const same = JSON.stringify(now) === JSON.stringify(screen);
  screen = now;
  if (!same) drawPage();
}

setInterval(() => {
  at += 1;
  drawPage();
}, seconds * 1000);
addEventListener("resize", drawPage);
show(draw);
