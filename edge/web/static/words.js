// Words in the person's language, and how things on the page are found.

export const words = JSON.parse(document.getElementById("words").textContent);
export const say = (key, values = {}) =>
  (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
export const find = (selector) => document.querySelector(selector);
