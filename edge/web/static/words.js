// Words in the person's language, and how things on the page are found.

export const words = globalThis.WORDS; // of words.PAGE.zh.js or …en.js, which the station makes of the texts that this page uses
export const say = (key, values = {}) =>
  (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
/** What it is, and what it is like: "Lot: 12". */
export const named = (what, value) => `${what}${document.documentElement.lang === "en" ? ": " : "\uff1a"}${value}`;
export const find = (selector) => document.querySelector(selector);

/** What this page sends with what it orders, so that the station knows its own page. */
const word = document.querySelector('meta[name="csrf-token"]')?.content;
export const ownWord = word ? { "X-CSRF-Token": word } : {};
