// A slip is voided at the stall; the next sale is made in its place, until a person says that it is not.

import { end } from "./codes.js";
import { find, say } from "./live.js";
import { openVoid } from "./void.js";

let code = "";

function draw() {
  find("#replacing").hidden = !code;
  find("#replacing span").textContent = code && say("replacing_n", { code: end(code) });
}

/** What a sale says of the one that it is made in place of. */
export const replacing = () => (code ? { replaces: code } : {});

export function madeInPlace() {
  code = "";
  draw();
}

find("#replacing-not").addEventListener("click", madeInPlace);
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-void]");
  if (!button || button.disabled) return;
  openVoid(button.dataset.void, (answer) => {
    code = answer.tx;
    draw();
  });
});
