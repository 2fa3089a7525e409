// Which lot a product is sold from: the oldest first, or the one that a person chose today.

import { stall } from "./basket.js";

const today = () => new Date().toDateString();

function chosenToday() {
  try {
    const { day, lots } = JSON.parse(localStorage.lots ?? "{}");
    return day === today() ? lots : {};
  } catch {
    return {};
  }
}

/** A person chose this lot: nobody is asked again today. */
export function rememberLot(product, lot) {
  localStorage.lots = JSON.stringify({ day: today(), lots: { ...chosenToday(), [product]: lot } });
}

/** The lot to begin with, of the labels of a product's lots; empty when a person has to say. */
export function firstLot(product, labels) {
  const codes = labels.map((one) => one.querySelector("input").value);
  const before = chosenToday()[product];
  if (codes.includes(before) && Number(labels[codes.indexOf(before)].dataset.left ?? 1) > 0) return before;
  return stall.lot === "ask" && codes.length > 1 ? "" : codes[0] ?? "";
}
