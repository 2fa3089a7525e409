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
for (const [id, path] of [["load", "/scale/load"], ["test", "/test"]]) {
  document.getElementById(id).addEventListener("submit", (event) => {
    event.preventDefault();
    send(path, Object.fromEntries(new FormData(event.target)));
  });
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
