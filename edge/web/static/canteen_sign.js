// Two people sign, one after the other on this screen, each with a PIN of their own; the dialog shows what they sign.

import { count, kg, name } from "./canteen_words.js";
import { names, onName } from "./names.js";
import { find, onChange, post, say, yuan } from "./live.js";

const dialog = find("#signing");
const [code, pin, typedName] = ["#signing-code", "#signing-pin", "#signing-name"].map(find);
let seen = null; // the delivery as it stands in the dialog
let delivery = () => undefined;
let done = () => {};

function drawSees(one) {
  seen = one;
  dialog.scrollTop = 0;
  find("#signing-title").textContent = say("cn_sign_title", { n: one.signed.length + 1, of: one.signers });
  find("#signing-sees").replaceChildren(...one.lines.map((line) => {
    const item = document.createElement("li");
    const taken = line.unit ? count(line.accepted_n, line.unit) : `${kg(line.accepted_g)} kg`;
    const refused = line.unit ? line.rejected_n && count(line.rejected_n, line.unit) : line.rejected_g && `${kg(line.rejected_g)} kg`;
    const words = [line.difference && line.difference !== "0" ? `${line.difference} %` : "", line.why_difference, refused ? say("cn_refused_n", { n: refused }) : "", line.reason];
    item.append(`${line.line}. ${name(line)} `, Object.assign(document.createElement("b"), { textContent: taken }), ` ${words.filter(Boolean).join(" · ")}`);
    return item;
  }));
  const sum = one.sum_fen === null ? say("cn_no_price") : `¥${yuan(one.sum_fen)}`;
  const signed = one.signed.length ? ` · ${say("cn_signed_by", { names: one.signed.map((each) => each.name).join("、") })}` : "";
  find("#signing-sum").textContent = `${say("cn_sum")} ${kg(one.accepted_g)} kg · ${sum}${signed}`;
}

async function people() {
  if (!code) return;
  const answer = await fetch("/api/operators").catch(() => null);
  const known = answer?.ok ? (await answer.json()).people.filter((one) => one.active && one.pin) : [];
  const had = new Set(seen.signed.map((one) => one.name));
  names(find("#signing-names"), known.filter((one) => !had.has(one.name)));
}

/** Ask for the next signature; `open` answers the delivery as it is now, `told` hears what a signature came to. */
export function openSigning(open, told) {
  [delivery, done] = [open, told];
  next();
  dialog.showModal();
}

function next() {
  const one = delivery();
  drawSees(one);
  find("#signing-wrong").textContent = "";
  find("#signing-as").value = document.querySelectorAll('[data-fills="signing-as"] button')[one.signed.length]?.value ?? "";
  for (const field of [code, pin, typedName]) if (field) field.value = "";
  people();
}

if (code) {
  onName(find("#signing-names"), (chosen) => {
    code.value = chosen;
    pin.value = "";
    pin.focus();
  });
}

dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const wrong = find("#signing-wrong");
  const body = { version: seen.version, function: find("#signing-as").value.trim() };
  if (code ? !code.value || pin.value.length < 4 : !typedName.value.trim()) {
    wrong.textContent = say(code ? "sign_in_missing" : "person_missing");
    return;
  }
  const go = find("#signing-go");
  go.disabled = true;
  try {
    const answer = code
      ? await post(`/api/deliveries/${seen.number}/sign`, { ...body, code: code.value, pin: pin.value })
      : await post(`/api/deliveries/${seen.number}/sign-by-name`, { ...body, person: typedName.value.trim() });
    if (answer.code) dialog.close();
    done(answer);
  } catch (error) {
    wrong.textContent = error.message;
    wrong.scrollIntoView({ block: "nearest" });
    if (pin) pin.value = "";
  } finally {
    go.disabled = false;
  }
});

// Whoever looks at it signs what stands there: what changed meanwhile is shown, and said.
onChange((changed) => {
  if (!dialog.open || !changed.has("deliveries")) return;
  const one = delivery();
  if (!one) return dialog.close();
  if (one.version !== seen.version) {
    drawSees(one);
    find("#signing-wrong").textContent = say("cn_sign_changed");
  } else if (one.signed.length !== seen.signed.length) {
    const last = one.signed.at(-1)?.name;
    next();
    if (last) find("#signing-wrong").textContent = "";
    find("#signing-title").textContent = `${find("#signing-title").textContent} · ${say("cn_signed", { name: last })}`;
  }
});
