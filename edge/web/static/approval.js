// A supervisor's word: asked for when the station wants one for what was ordered, and sent with the same order again.

import "./keypad.js";
import { names, onName } from "./names.js";
import { find, say } from "./words.js";

let dialog = null;

function build() {
  dialog = document.createElement("dialog");
  dialog.id = "approval";
  dialog.setAttribute("aria-labelledby", "approval-title");
  dialog.innerHTML = `<form method="dialog" autocomplete="off" novalidate>
    <h2 id="approval-title"></h2><p id="approval-hint"></p>
    <div class="chips" id="approval-names" role="group"></div>
    <div class="pair"><label><span id="approval-code-words"></span><input id="approval-code" data-keys="code" maxlength="13"></label>
    <label><span id="approval-pin-words"></span><input id="approval-pin" type="password" data-keys="pin" maxlength="12" autocomplete="off"></label></div>
    <p class="wrong" id="approval-wrong" role="alert"></p>
    <div class="buttons"><button type="button" class="quiet" id="approval-back"></button><button type="submit" class="main" id="approval-give"></button></div>
  </form>`;
  document.body.append(dialog);
  const texts = {
    title: "word_title", hint: "word_hint", "code-words": "staff_code", "pin-words": "staff_pin", back: "cancel",
    give: "word_give",
  };
  for (const [id, key] of Object.entries(texts)) find(`#approval-${id}`).textContent = say(key);
  find("#approval-names").setAttribute("aria-label", say("staff_name"));
  const [code, pin] = [find("#approval-code"), find("#approval-pin")];
  onName(find("#approval-names"), (chosen) => {
    code.value = chosen;
    pin.value = "";
    pin.focus();
  });
}

async function supervisors() {
  const answer = await fetch("/api/operators").catch(() => null);
  const { people } = answer?.ok ? await answer.json() : { people: [] };
  return people.filter((one) => one.active && one.pin && one.role === "supervisor");
}

/** The word, or an empty text when nobody gave one. `give` sends code and PIN; `inWords` is what an answer says. */
export async function askWord(give, inWords) {
  if (!dialog) build();
  const [code, pin, wrong, button] = ["code", "pin", "wrong", "give"].map((id) => find(`#approval-${id}`));
  const known = await supervisors();
  names(find("#approval-names"), known);
  code.value = known.length === 1 ? known[0].code : "";
  pin.value = wrong.textContent = "";
  dialog.showModal();
  (code.value ? pin : code).focus();
  return new Promise((resolve) => {
    const end = (word) => {
      pin.value = "";
      dialog.onclose = null;
      dialog.close();
      resolve(word);
    };
    dialog.onclose = () => end("");
    find("#approval-back").onclick = () => end("");
    dialog.querySelector("form").onsubmit = async (event) => {
      event.preventDefault();
      if (!code.value || pin.value.length < 4) {
        wrong.textContent = say("sign_in_missing");
        return;
      }
      button.disabled = true;
      const answer = await give({ code: code.value, pin: pin.value }).catch(() => null);
      button.disabled = false;
      if (answer?.ok) return end(answer.said.approval);
      wrong.textContent = answer ? inWords(answer.said) : say("no_answer_try");
      pin.value = "";
    };
  });
}
