// The demo's page: what is told, what came out of the printer, and the levers.
const words = document.body.dataset;
const at = (id) => document.getElementById(id);
const papers = at("papers");
const lot = at("lot");
const shown = new Set();
const PHONE_PX = 360;

async function send(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
  }).catch((error) => ({ ok: false, statusText: String(error) }));
  at("said").textContent = answer.ok ? "" : `${answer.status ?? ""} ${answer.statusText}`;
}

for (const button of document.querySelectorAll("#loads button")) {
  button.addEventListener("click", () => send("/scale/load", { kg: button.dataset.kg }));
}
for (const [id, path] of [["load", "/scale/load"], ["test", "/test"], ["stop", "/lots/stop"]]) {
  at(id).addEventListener("submit", (event) => {
    event.preventDefault();
    send(path, Object.fromEntries(new FormData(event.target)));
  });
}
at("resume").addEventListener("click", () => send("/lots/resume", { lot: lot.value }));

// --- levers ---------------------------------------------------------------------------------------------------------

const levers = [...document.querySelectorAll("[data-lever]")];
for (const lever of levers) {
  lever.addEventListener("click", async () => {
    lever.disabled = true;
    await send(`/levers/${lever.dataset.lever}`, { on: lever.getAttribute("aria-checked") !== "true" });
    lever.disabled = false;
  });
}

function stand(standing) {
  for (const lever of levers) {
    const on = standing[lever.dataset.lever];
    lever.setAttribute("aria-checked", String(on));
    lever.querySelector("span").textContent = on ? lever.dataset.on : lever.dataset.off;
  }
}

// --- the story ------------------------------------------------------------------------------------------------------

at("pause").addEventListener("click", () => send(`/story/${at("pause").dataset.does ?? "pause"}`));
at("skip").addEventListener("click", () => send("/story/skip"));
at("again").addEventListener("click", () => send("/story/play"));
const acts = [...document.querySelectorAll("[data-act]")];
for (const act of acts) act.addEventListener("click", () => send("/story/play", { act: act.dataset.act }));

function put(element, text) {
  if (element.textContent !== text) element.textContent = text; // so that a reader hears it once
}

let line = "";
let closed = false;
at("scan-close")?.addEventListener("click", () => {
  closed = true;
});

function tell(story) {
  if (line !== story.line) refresh(); // what happened since stands on the slip's page, too
  line = story.line;
  if (story.act !== "phone") closed = false;
  document.body.classList.toggle("scanning", Boolean(at("scan-code")) && story.act === "phone" && !closed);
  const over = story.state === "over";
  put(at("line"), over ? words.over : story.line || story.title || words.waiting);
  put(at("because"), over ? "" : story.why);
  put(at("failed"), story.failed ? words.failed + story.failed : "");
  const paused = story.state === "paused";
  put(at("pause"), paused ? words.resume : words.pause);
  at("pause").dataset.does = paused ? "resume" : "pause";
  at("pause").disabled = at("skip").disabled = !["playing", "paused"].includes(story.state);
  for (const act of acts) {
    if (!over && act.dataset.act === story.act) {
      if (!act.hasAttribute("aria-current")) act.scrollIntoView({ block: "nearest", inline: "center" });
      act.setAttribute("aria-current", "step");
    } else act.removeAttribute("aria-current");
  }
}

// --- lots and papers ------------------------------------------------------------------------------------------------

/** The lots of the stall, without losing the one that is chosen. */
function offer(lots) {
  const text = JSON.stringify(lots);
  if (lot.dataset.shown === text) return;
  lot.dataset.shown = text;
  const chosen = lot.value;
  lot.replaceChildren(
    ...lots.map((one) => new Option(`${one.name} …${one.source.slice(-6)}${one.stopped ? ` ${words.stopped}` : ""}`, one.source)),
  );
  if (lots.some((one) => one.source === chosen)) lot.value = chosen;
}

function show(paper) {
  papers.querySelector(".empty")?.remove();
  const figure = document.createElement("figure");
  const image = document.createElement("img");
  image.src = `/papers/${paper.number}.png`;
  image.alt = paper.text;
  figure.append(image);
  if (paper.city) {
    const caption = document.createElement("figcaption");
    const link = document.createElement("a");
    link.href = paper.city;
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = words.qr;
    caption.append(link);
    figure.append(caption);
    look_at(paper.city);
  }
  papers.prepend(figure);
  papers.scrollTop = 0;
}

function refresh() {
  const phone = at("phone");
  if (phone?.src) phone.src = phone.src;
}

/** The buyer's phone opens what stands on the newest paper. */
function look_at(address) {
  at("phone-alone").href = address;
  const phone = at("phone");
  if (phone) phone.src = `${address}?lang=${words.lang}`;
  const code = at("scan-code");
  if (code) {
    code.src = `/phone.svg?${shown.size}`;
    code.hidden = false;
  }
}

// --- panes ----------------------------------------------------------------------------------------------------------

/** A page as on a phone of usual width, made smaller where a pane is narrower. */
const fit = new ResizeObserver((panes) => {
  for (const { target, contentRect } of panes) {
    const scale = Math.min(1, contentRect.width / PHONE_PX);
    const frame = target.firstElementChild;
    frame.style.width = `${contentRect.width / scale}px`;
    frame.style.height = `${contentRect.height / scale}px`;
    frame.style.transform = `scale(${scale})`;
  }
});
for (const glass of document.querySelectorAll(".glass")) fit.observe(glass);

let phoneOld = 0;

async function get(path) {
  return (await fetch(path)).json();
}

async function look() {
  try {
    tell(await get(`/story?lang=${words.lang}`));
    const now = await get("/now");
    at("kg").textContent = now.kg;
    stand(now.levers);
    offer(await get("/lots"));
    for (const paper of (await get("/papers")).reverse()) {
      if (!shown.has(paper.number)) {
        shown.add(paper.number);
        show(paper);
        phoneOld = 0;
      }
    }
    if (++phoneOld === 6) refresh(); // by now the city has it
  } catch {
    at("kg").textContent = "–";
    put(at("line"), words.lost);
  }
  setTimeout(look, 600);
}
look();
