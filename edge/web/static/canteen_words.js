// How the canteen's page writes masses, counts, goods, and what is missing.

import { nameOf, say } from "./live.js";

/** Grams as kg, without zeros that say nothing. */
export function kg(grams) {
  const text = `${grams < 0 ? "-" : ""}${Math.floor(Math.abs(grams) / 1000)}.${String(Math.abs(grams) % 1000).padStart(3, "0")}`;
  return text.endsWith("0") ? text.slice(0, -1) : text;
}

export const count = (n, unit) => `${n} ${unit}`;
export const name = (line) => nameOf(line);

const NEEDS = {
  goods: "cn_need_goods", difference: "cn_need_difference", reason: "cn_need_reason", expired: "cn_need_expired",
  held: "cn_need_held",
};
export const needWords = (word) => say(NEEDS[word] ?? word);
