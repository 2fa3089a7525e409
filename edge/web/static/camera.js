// A code is read with the camera of the handheld, and goes the way of every scan. Loaded only where the browser reads
// codes by itself (`BarcodeDetector`) and shows a camera, which it does in a secure context: elsewhere nothing is offered.

import { tell } from "./codes.js";
import { say } from "./words.js";

const WANTED = ["qr_code", "code_128", "ean_13", "ean_8"];
const LOOK_MS = 150;

const ICON = "M3 3h7v7H3zM14 3h7v7h-7zM3 14h7v7H3zM14 14h3v3h-3zM18 18h3v3h-3z";

function drawn() {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICON);
  picture.append(path);
  return picture;
}

function made(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const known = await BarcodeDetector.getSupportedFormats().catch(() => []);
const formats = WANTED.filter((one) => known.includes(one));
if (formats.includes("qr_code")) offer(new BarcodeDetector({ formats }));

function offer(detector) {
  const button = made("button", { type: "button", id: "camera-open", className: "quiet camera", title: say("camera_scan") }, drawn());
  const sight = made("video", { id: "camera-sight", muted: true, playsInline: true });
  const stop = made("button", { type: "submit", className: "main", textContent: say("close") });
  const dialog = made("dialog", { id: "camera" }, made("form", { method: "dialog" },
    made("h2", { textContent: say("camera_scan") }), sight, made("div", { className: "buttons" }, stop)));
  let stream = null;
  button.setAttribute("aria-label", say("camera_scan"));
  for (const one of [button, stop]) one.dataset.local = "";
  document.body.append(button, dialog);

  function end() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = sight.srcObject = null;
  }

  async function look(of) {
    while (stream === of && dialog.open) {
      const [found] = await detector.detect(sight).catch(() => []);
      if (stream !== of || !dialog.open) return;
      if (found?.rawValue) {
        dialog.close();
        document.dispatchEvent(new CustomEvent("scan", { detail: { text: found.rawValue, field: null } }));
        return;
      }
      await new Promise((done) => setTimeout(done, LOOK_MS));
    }
  }

  dialog.addEventListener("close", end);
  button.addEventListener("click", async () => {
    if (dialog.open || document.querySelector("dialog[open]")) return;
    dialog.showModal();
    try {
      const given = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      if (!dialog.open) return given.getTracks().forEach((track) => track.stop());
      sight.srcObject = stream = given;
      await sight.play();
      look(given);
    } catch {
      dialog.close();
      tell(say("camera_none"), true);
    }
  });
}
