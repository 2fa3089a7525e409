// Who are you? A tap on the name or a code, and the PIN.

import "./keypad.js";
import { onName } from "./names.js";
import { find, ownWord, say } from "./words.js";

const [code, pin, wrong, go] = ["#code", "#pin", "#wrong", "#go"].map(find);
const form = find("#sign-in");

onName(find("#names"), (chosen) => {
  code.value = chosen;
  pin.value = wrong.textContent = "";
  pin.focus();
});
code.focus(); // a scanner or a keyboard of keys is heard at once

if (form.dataset.scans !== undefined) {
  // a card that is read at the box says who it is; its PIN is typed
  new EventSource("/api/scans").addEventListener("scan", (event) => {
    const { text } = JSON.parse(event.data);
    wrong.textContent = text ? "" : say("scan_unreadable");
    if (!text) return;
    code.value = text.slice(0, code.maxLength);
    pin.value = "";
    pin.focus();
  });
}

const post = (address, body) =>
  fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...ownWord },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(15000),
  }).catch(() => null);

async function complain(answer) {
  const said = await answer?.json().catch(() => null);
  const english = document.documentElement.lang === "en";
  wrong.textContent = said ? (english ? said.message_en : said.message_zh) : say("no_answer_try");
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!code.value || pin.value.length < 4) {
    wrong.textContent = say("sign_in_missing");
    (code.value ? pin : code).focus();
    return;
  }
  go.disabled = true;
  const answer = await post("/api/sign-in", { code: code.value, pin: pin.value });
  pin.value = "";
  if (answer?.ok) return location.replace(form.dataset.goesTo);
  go.disabled = false;
  pin.focus();
  await complain(answer);
});

find("#sign-out")?.addEventListener("click", async () => {
  const answer = await post("/api/sign-out", {});
  if (answer?.ok) location.replace("/sign-in");
  else await complain(answer);
});
