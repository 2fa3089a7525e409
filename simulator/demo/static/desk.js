// The demo's desk: a few buttons, and the papers that came out.
const said = document.getElementById("said");
const papers = document.getElementById("papers");
const kg = document.getElementById("kg");
const shown = new Set();

async function send(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
  }).catch((error) => ({ ok: false, statusText: String(error) }));
  said.textContent = answer.ok ? "" : `${answer.status ?? ""} ${answer.statusText}`;
}

for (const button of document.querySelectorAll("#loads button")) {
  button.addEventListener("click", () => send("/scale/load", { kg: button.dataset.kg }));
}
for (const name of ["unplug", "replug"]) {
  document.getElementById(name).addEventListener("click", () => send(`/scale/${name}`));
}
for (const [id, path] of [["load", "/scale/load"], ["test", "/test"], ["stop", "/lots/stop"]]) {
  document.getElementById(id).addEventListener("submit", (event) => {
    event.preventDefault();
    send(path, Object.fromEntries(new FormData(event.target)));
  });
}

const lot = document.getElementById("lot");
document.getElementById("resume").addEventListener("click", () => send("/lots/resume", { lot: lot.value }));

/** The lots of the stall, without losing the one that is chosen. */
function offer(lots) {
  const text = JSON.stringify(lots);
  if (lot.dataset.shown === text) return;
  lot.dataset.shown = text;
  const chosen = lot.value;
  lot.replaceChildren(
    ...lots.map((one) => new Option(`${one.name} …${one.source.slice(-6)}${one.stopped ? " 已停售 stopped" : ""}`, one.source)),
  );
  if (lots.some((one) => one.source === chosen)) lot.value = chosen;
}

function show(paper) {
  const figure = document.createElement("figure");
  const image = document.createElement("img");
  image.src = `/papers/${paper.number}.png`;
  image.alt = paper.text;
  figure.append(image);
  if (paper.city) {
    const link = document.createElement("a");
    link.href = paper.city;
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = "扫码所见 what the QR shows";
    const caption = document.createElement("figcaption");
    caption.append(link);
    figure.append(caption);
  }
  papers.prepend(figure);
}

async function look() {
  try {
    kg.textContent = (await (await fetch("/now")).json()).kg;
    offer(await (await fetch("/lots")).json());
    const list = await (await fetch("/papers")).json();
    for (const paper of list.reverse()) {
      if (!shown.has(paper.number)) {
        shown.add(paper.number);
        show(paper);
      }
    }
  } catch {
    kg.textContent = "–";
  }
  setTimeout(look, 700);
}
look();
