// What nobody has seen yet is said in the title of every page, and with a tone until somebody has seen it.
// A browser lets a page sound only after a touch, on it or on the page before: until then a button says so, and the tone
// comes with the touch. It can be muted on this device.

import { board, find, onChange, say } from "./live.js";

const URGENT = { positive: "alarm_positive", stopped: "alarm_stopped", repeat: "alarm_repeat" };
const EVERY_MS = 20_000;
const NOTES = [880, 660, 880];
const NOTE_S = 0.18;
const button = find("#sound");
const title = document.title;
let sound = null;
let waiting = false; // a tone waits until the page may sound
let heard = ""; // what the tone was made for last
let again = 0;
let times = []; // what its time has come for: half an hour of four is left, or they are over; a sample is kept long enough

const muted = () => localStorage.muted === "yes";
const unseen = () => (board.alerts ?? []).filter((one) => !one.person && one.words.some((word) => word in URGENT));

function play() {
  if (muted() || sound?.state !== "running") return;
  NOTES.forEach((pitch, at) => {
    const [voice, volume] = [sound.createOscillator(), sound.createGain()];
    const begin = sound.currentTime + at * NOTE_S;
    voice.frequency.value = pitch;
    volume.gain.setValueAtTime(0.25, begin);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + NOTE_S);
    voice.connect(volume).connect(sound.destination);
    voice.start(begin);
    voice.stop(begin + NOTE_S);
  });
}

function draw() {
  const open = unseen();
  const parts = Object.entries(URGENT)
    .map(([word, text]) => [text, open.filter((one) => one.words.includes(word)).length])
    .filter(([, n]) => n);
  document.title = parts.length ? `⚠ ${parts.map(([text, n]) => say(text, { n })).join(" · ")} · ${title}` : title;
  button.hidden = !open.length && !times.length;
  const silent = sound?.state !== "running";
  const text = say(muted() ? "sound_muted" : silent ? "sound_on" : "sound_off");
  const [note, words] = [document.createElement("i"), document.createElement("span")];
  note.textContent = "♪";
  words.textContent = ` ${text}`;
  button.replaceChildren(note, words);
  button.classList.toggle("off", muted() || silent);
  button.title = text;
  button.setAttribute("aria-label", text);
  const now = open.map((one) => `${one.test_code}.${one.upto}`).join(" ");
  if (now !== heard) {
    heard = now;
    clearInterval(again);
    if (!now) return;
    ring();
    again = setInterval(play, EVERY_MS);
  }
}

/** The tone now, or with the first touch where the browser waits for one. */
async function ring() {
  if (muted()) return;
  sound ??= new AudioContext();
  const allowed = sound.resume();
  if (waiting) return;
  waiting = true;
  await allowed;
  waiting = false;
  play();
  draw();
}

const wake = () => (unseen().length || times.length) && sound?.state !== "running" && ring();

button.addEventListener("click", () => {
  if (sound?.state === "running" || muted()) localStorage.muted = muted() ? "no" : "yes";
  wake();
  draw();
});
for (const kind of ["pointerdown", "keydown"]) {
  document.addEventListener(kind, ({ target }) => !button.contains(target) && wake());
}

/** A tone when half an hour is left to ask for a recheck, when the four hours are over, and when a sample was kept for
 * as long as it has to be; once, and again on each page that is opened until somebody has done what is to be done. */
function timed() {
  const now = [
    ...(board.holds ?? []).filter((one) => one.phase).map((one) => `${one.lot}.${one.phase}`),
    ...(board.kept ?? []).filter((one) => one.left_s === 0).map((one) => `kept:${one.number}`),
  ];
  const news = now.some((one) => !times.includes(one));
  times = now;
  draw();
  if (news) ring();
}

onChange((changed) => {
  if (changed.has("alerts")) draw();
  if (changed.has("holds") || changed.has("kept")) timed();
});
