// Papers on a page: one is looked at, printed again after a word, printed, or said to have come out.

import { failed, find, post, say, sorry, toast } from "./live.js";

const GET_MS = 8000;
const CALM_MS = 800;
const again = find("#again");

const ACTS = {
  async reprint({ reprint, name }) {
    find("#again-title").textContent = name;
    again.dataset.job = reprint;
    again.showModal();
  },
  async confirm({ confirm }) {
    for (const job of confirm.split(" ")) await post(`/api/prints/${job}/confirm`);
    toast(say("confirmed"));
  },
  async print({ print: paper, subject, record, printer = document.body.dataset.printer ?? "" }) {
    const of = record ? { record: Number(record) } : { subject: subject ?? (paper === "day" ? find("#day").value : "") };
    await post("/api/prints", { paper, ...of, printer });
    toast(say("reprint_sent"));
  },
  view: ({ view, copy, name }) => show(view, copy, name),
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-reprint], [data-view], [data-confirm], [data-print]");
  if (!button || button.disabled) return;
  button.disabled = true;
  try {
    await ACTS[Object.keys(ACTS).find((act) => act in button.dataset)](button.dataset);
  } catch (error) {
    sorry(error);
  } finally {
    setTimeout(() => (button.disabled = false), CALM_MS);
  }
});

// Three taps are one copy: the second is asked for, and the third finds nothing to press.
again.querySelector("form").addEventListener("submit", async (event) => {
  if (event.submitter?.value === "cancel") return;
  event.preventDefault();
  again.close();
  try {
    await post(`/api/prints/${again.dataset.job}/reprint`);
    toast(say("reprint_sent"));
  } catch (error) {
    sorry(error);
  }
});

// --- one is looked at -------------------------------------------------------------------------------------------

/** As a picture; where none can be drawn as its text, which is there for a screen reader in any case. */
async function show(job, copy, name) {
  const picture = new Image();
  const text = find("#paper-text");
  text.textContent = (await textOf(job)) || say("no_paper_text");
  find("#paper-name").textContent = name;
  picture.alt = "";
  text.classList.remove("unseen");
  find("#paper-sight").replaceChildren(text);
  picture.onload = () => {
    text.classList.add("unseen");
    find("#paper-sight").prepend(picture);
  };
  picture.src = `/api/prints/${job}.png?copy=${copy}`;
  find("#paper").showModal();
}

async function textOf(job) {
  const answer = await fetch(`/api/prints/${job}`, { signal: AbortSignal.timeout(GET_MS) }).catch(() => null);
  const said = await answer?.json().catch(() => null);
  if (!said) throw failed(say("not_read"), { known: true });
  return answer.ok ? said.text : "";
}
