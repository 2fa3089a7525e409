// A scanner that belongs to the box: its codes come with the live stream, to the page that was opened last, and go where
// those go that a scanner types. What came of a scan is heard, too: a high note, or a low one when nothing was done.

import { tell } from "./codes.js";
import { say } from "./live.js";

const GOOD = [1320, 0.08];
const REFUSED = [330, 0.35]; // hertz and seconds
let sound = null;

async function note([pitch, seconds]) {
  if (localStorage.muted === "yes") return;
  sound ??= new AudioContext();
  if (sound.state !== "running") await sound.resume(); // a browser waits for a touch; until then it is only seen
  const [voice, volume] = [sound.createOscillator(), sound.createGain()];
  voice.frequency.value = pitch;
  volume.gain.setValueAtTime(0.25, sound.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, sound.currentTime + seconds);
  voice.connect(volume).connect(sound.destination);
  voice.start();
  voice.stop(sound.currentTime + seconds);
}

document.addEventListener("box-scan", ({ detail: text }) => {
  if (!text) return tell(say("scan_unreadable"), true);
  document.dispatchEvent(new CustomEvent("scan", { detail: { text, field: document.activeElement } }));
});
document.addEventListener("scan-told", ({ detail: refused }) => note(refused ? REFUSED : GOOD));
