// The customer's screen: what lies on the scale, what it costs, and the slip when it is sold. No old weight stands here.

import { find, kilograms, made, nameOf, say, set, show, yuan } from "./screen.js";

let slip = ""; // the code that is shown

const row = (line) => {
  const item = made("li", "", "");
  item.append(made("span", "", nameOf(line)), made("span", "", line.pieces ? say("pieces_n", { n: line.pieces }) : `${kilograms(line.net_g)} kg`), made("b", "", yuan(line.amount_fen)));
  return item;
};

function draw(screen) {
  drawWeight(screen?.weight);
  find("#now").hidden = Boolean(screen?.sold);
  find("#thanks").hidden = !screen?.sold;
  const goods = screen?.goods;
  set(find("#goods"), goods ? nameOf(goods) : screen ? say("customer_welcome") : "");
  set(find("#origin"), goods?.origin ? `${say("origin")} ${goods.origin}` : "");
  const per = screen?.by_piece ? say("per_piece") : say(`per.${screen?.per_g}`);
  set(find("#price"), screen?.price_fen ? `¥${yuan(screen.price_fen)}${per}` : "–");
  const rough = !["still", "free"].includes(screen?.weight.state);
  const fen = screen?.amount_fen ?? null;
  set(find("#amount"), fen === null ? "–" : `${rough ? "≈" : ""}¥${yuan(fen)}`);
  find("#amount").classList.toggle("rough", rough);
  find("#basket").hidden = !screen?.lines.length;
  drawLines(find("#lines"), screen?.lines ?? []);
  const listed = Boolean(screen?.lines.length);
  const whole = listed && fen !== null && !rough;
  set(find("#amount-words"), say(listed ? "customer_this" : "customer_amount"));
  set(find("#sum-words"), say(whole ? "customer_total" : "customer_sum"));
  set(find("#sum"), screen ? `¥${yuan(screen.sum_fen + (whole ? fen : 0))}` : "");
  if (screen?.sold) drawSold(screen.sold);
  else slip = "";
}

function drawLines(list, lines) {
  const shown = JSON.stringify(lines);
  if (list.dataset.shown === shown) return;
  list.dataset.shown = shown;
  list.replaceChildren(...lines.map(row));
  list.lastElementChild?.scrollIntoView({ block: "nearest" });
}

function drawWeight(weight) {
  const known = weight && weight.state !== "none";
  const box = find("#weigh");
  box.className = `weigh ${!known ? "none" : weight.doubt ? "doubt" : weight.state}`;
  const counted = known && weight.state === "free" && !weight.unit;
  set(find("#digits"), counted ? say("pieces_n", { n: weight.text }) : known ? weight.text : "- - -");
  set(find("#unit"), known ? weight.unit : "");
  box.classList.toggle("long", Boolean(known) && weight.text.length > 6);
  let words = say("customer_away");
  if (weight && !known) words = say("customer_no_weight");
  else if (weight?.doubt) words = say(`weight.${weight.doubt}`);
  else if (weight?.state === "free") words = "";
  else if (weight) words = say(weight.state === "still" ? "stable" : "moving");
  if (known && weight.tare_g) words += ` · ${say("tare_mass")} ${kilograms(weight.tare_g)} kg`;
  set(find("#steady"), words);
}

function drawSold(sold) {
  set(find("#paid"), `¥${yuan(sold.amount_fen)}`);
  set(find("#sold-code"), `…${sold.code}`);
  drawLines(find("#sold"), sold.lines);
  if (slip === sold.tx) return;
  slip = sold.tx;
  find("#slip-code").src = `/api/screens/slip?tx=${sold.tx}`;
}

show(draw);
