// Photos by the handheld's camera: made small here, sent at once, and named by their hash in what is ordered.
//
// What was taken and not used yet stays in this browser, so a restart of page or station loses none.

import { away, whenUp } from "./connection.js";
import { failed, say } from "./live.js";
import { ownWord } from "./words.js";

const LONGEST_SIDE = 1600;
const QUALITY = 0.8;
const MOST = 6;
const SEND_MS = 60000;
const english = document.documentElement.lang === "en";

/** A picture as JPEG, no side longer than 1600 pixels, without what else its file tells (place, camera). */
async function small(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.round(picture.width * scale), Math.round(picture.height * scale)];
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
}

/** The hash of a photo that is on the station's disk; the same one sent twice is kept once, so it may be tried again. */
async function send(blob) {
  for (let tries = 1; ; tries += 1) {
    if (away()) await whenUp();
    const answer = await fetch("/api/photos", {
      method: "POST", headers: { "Content-Type": blob.type, ...ownWord }, body: blob, signal: AbortSignal.timeout(SEND_MS),
    }).catch(() => null);
    const said = await answer?.json().catch(() => null);
    if (answer?.ok && said) return said.sha256;
    if (said && (answer.status < 500 || tries > 2)) throw failed(english ? said.message_en : said.message_zh, {});
    if (tries > 4) throw failed(say("photo_not_sent"), {});
    await new Promise((done) => setTimeout(done, 500 * tries));
  }
}

/** The photos of a box (`_photo.html`): `hashes()` for a command, `clear()` when they are recorded. */
export function photos(box) {
  const key = `photos:${box.id}`;
  const [thumbs, input, wrong] = [box.querySelector(".thumbs"), box.querySelector("input"), box.querySelector(".wrong")];
  let taken = [];
  let coming = 0;

  function draw() {
    localStorage[key] = JSON.stringify(taken);
    input.disabled = taken.length + coming >= MOST;
    box.dataset.coming = coming;
    thumbs.replaceChildren(...taken.map((sha256, at) => {
      const item = document.createElement("li");
      const picture = Object.assign(document.createElement("img"), {
        src: `/api/photos/${sha256}`, alt: say("photo_n", { n: at + 1 }), width: 72, height: 72,
      });
      picture.addEventListener("error", () => fetch(picture.src).then(({ status }) => status === 404 && drop(sha256)).catch(() => {}));
      const away = document.createElement("button");
      Object.assign(away, { type: "button", className: "quiet", textContent: "✕", ariaLabel: say("photo_drop", { n: at + 1 }) });
      away.dataset.local = "";
      away.addEventListener("click", () => drop(sha256));
      item.append(picture, away);
      return item;
    }));
  }

  function drop(sha256) {
    taken = taken.filter((one) => one !== sha256);
    draw();
  }

  async function take(file) {
    wrong.textContent = "";
    coming += 1;
    draw();
    try {
      const blob = await small(file).catch(() => null);
      if (!blob) throw failed(say("photo_unread"), {});
      const sha256 = await send(blob);
      if (!taken.includes(sha256)) taken.push(sha256);
    } catch (error) {
      wrong.textContent = error.message;
    } finally {
      coming -= 1;
      draw();
      box.dispatchEvent(new Event("photos", { bubbles: true }));
    }
  }

  input.addEventListener("change", async () => {
    const files = [...input.files].slice(0, MOST - taken.length);
    input.value = "";
    for (const file of files) await take(file);
  });
  try {
    taken = JSON.parse(localStorage[key] ?? "[]").filter((one) => /^[0-9a-f]{64}$/.test(one));
  } catch {
    taken = [];
  }
  draw();
  return {
    hashes: () => [...taken],
    coming: () => coming > 0,
    clear() {
      taken = [];
      wrong.textContent = "";
      draw();
    },
  };
}
