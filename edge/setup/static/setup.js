// The first start: sends the answers of a step, and shows the next one in place of this.

const LOOK_MS = 700; // how often it is asked how far something is
const START_MS = 60_000; // in which the station has to answer

const main = () => document.querySelector("main");
let later = 0;

/** Show what the box shows now. The place of the page is kept while something is being done. */
async function show({ moved = true } = {}) {
  clearTimeout(later);
  try {
    const answer = await fetch("/");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.documentElement.lang = page.documentElement.lang;
    document.title = page.title;
    document.querySelector("header").replaceWith(page.querySelector("header"));
    const was = main().hasAttribute("data-busy");
    main().replaceWith(page.querySelector("main"));
    ready();
    if (moved || was !== main().hasAttribute("data-busy")) at();
  } catch {
    later = setTimeout(show, LOOK_MS);
  }
}

/** Where somebody goes on: the field that is wrong, or the heading. */
function at() {
  scrollTo(0, 0);
  const wrong = [...document.querySelectorAll(".wrong:not(:empty):not([hidden])")][0];
  (wrong?.closest("label, fieldset")?.querySelector("input") ?? document.querySelector("h1"))?.focus();
}

async function send(path, body = {}) {
  for (const one of document.querySelectorAll("button")) one.disabled = true;
  try {
    await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  } catch {
    // the box is asked what it has
  }
  await show();
}

function answers(form) {
  const data = new FormData(form);
  const names = new Set([...form.elements].map((one) => one.name).filter(Boolean));
  return Object.fromEntries([...names].map((name) => [name, data.getAll(name).join(" ")]));
}

/** The station takes this address over: it is there when it says how it is, which this page does not. */
async function started() {
  const end = Date.now() + START_MS;
  while (Date.now() < end) {
    await new Promise((go) => setTimeout(go, LOOK_MS));
    try {
      const answer = await fetch("/health");
      if (answer.status !== 404) return location.replace("/");
    } catch {
      // between the two nobody listens
    }
  }
  document.querySelector("#unreached").hidden = false;
}

function ready() {
  const form = document.querySelector("#step");
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    send("/answer", { step: form.dataset.step, ...answers(form) });
  });
  document.querySelector("#back")?.addEventListener("click", () => send("/back"));
  document.querySelector("#skip")?.addEventListener("click", () => send("/skip"));
  document.querySelector("#start")?.addEventListener("click", async (event) => {
    event.target.disabled = true;
    await fetch("/start", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }).catch(() => {});
    started();
  });
  if (main().hasAttribute("data-busy")) later = setTimeout(() => show({ moved: false }), LOOK_MS);
}

ready();
