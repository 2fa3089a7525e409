// The head of the handheld itself. The app around this page offers it as `marketedgeHead`: `print(base64)` takes the ESC/POS
// bytes of a paper and answers (or promises) `printed` when its head says that it came out; `printer()` names the printer in
// station.toml, where the page belongs to no stall. See edge/handhelds.md.
//
// A paper is taken at the station before a byte is printed, once: after that nobody knows whether it came out until the
// head has said so, or a person.

import { board, fresh, onChange, post, sorry } from "./live.js";

const TRIES = 3;
const AGAIN_MS = 1000;
const head = globalThis.marketedgeHead;
const printer = document.body.dataset.printer || head.printer?.() || "";
const given = new Set(); // jobs that were asked for from here
let printing = false;

async function bytes(job) {
  for (let tries = 1; ; tries += 1) {
    const answer = await fetch(`/api/prints/${job}.escpos`).catch(() => null);
    if (answer?.ok) return new Uint8Array(await answer.arrayBuffer());
    if (tries === TRIES) throw new Error(String(answer?.status));
    await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
}

const base64 = (data) => btoa(Array.from(data, (one) => String.fromCharCode(one)).join(""));

async function print(job) {
  given.add(job);
  await post(`/api/prints/${job}/take`);
  const data = await bytes(job);
  if ((await head.print(base64(data))) === "printed") await post(`/api/prints/${job}/confirm`);
}

/** What was not asked for at all is asked for again; what another one of this stall took is his. */
function said(job, error) {
  if (error.code === "not_sent") given.delete(job);
  else if (error.code !== "taken") sorry(error);
}

async function printAll() {
  if (printing) return;
  printing = true;
  try {
    for (;;) {
      const wanted = (board.prints ?? []).filter((one) => one.printer === printer && one.state === "waiting" && !given.has(one.job));
      if (!wanted.length || !fresh()) return;
      const job = Math.min(...wanted.map((one) => one.job));
      await print(job).catch((error) => said(job, error));
    }
  } finally {
    printing = false;
  }
}

if (printer) onChange(printAll);
