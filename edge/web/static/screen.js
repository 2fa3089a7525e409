// What the screens share that others look at: the station's word as it comes, and nothing old in its place.

import { follow, fresh } from "./connection.js";
import "./keeper.js";
import { find, say } from "./words.js";

export { find, fresh, say };

export const yuan = (fen) => `${fen < 0 ? "-" : ""}${Math.floor(Math.abs(fen) / 100)}.${String(Math.abs(fen) % 100).padStart(2, "0")}`;
export const kilograms = (g) => `${g < 0 ? "-" : ""}${(Math.abs(g) / 1000).toFixed(3)}`;
export const nameOf = (one) => (document.documentElement.lang === "en" && one.name_en) || one.name;
export const set = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};
export function made(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

/** Draw with `draw(screen)` when the station says something new, and with null while it says nothing. */
export function show(draw) {
  let screen = null;
  let token = document.body.dataset.version;
  follow((message) => {
    if (message.token && message.token !== token) return location.reload(); // another process, perhaps another version
    token = message.token ?? token;
    screen = message.screen ?? screen;
    draw(fresh() ? screen : null);
  }, () => draw(fresh() ? screen : null));
}
