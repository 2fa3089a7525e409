// While the station is down, its pages are not a browser's error: the frame of a page stands there and tries.
//
// It keeps the frame (`/shell`, with the words of one language) and what it loads; never a page, a part or an answer of
// the API: nothing that stands there is of an earlier time. The station is always asked first, so a new version is there
// with the next page. In front of this stand VERSION and FILES, which the station writes.

const KEEP = `marketedge ${VERSION}`;
const SHELL = "/shell";
const PATIENCE_MS = 3000; // a station that starts takes the connection, and answers a second later

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(caches.open(KEEP).then((cache) => cache.addAll([SHELL, ...FILES])));
});

addEventListener("activate", (event) => {
  const old = async () => {
    for (const name of await caches.keys()) if (name !== KEEP) await caches.delete(name);
    await clients.claim();
  };
  event.waitUntil(old());
});

/** The frame as it would be now: in the person's language, with the station's pages. */
async function renew(answer) {
  const cache = await caches.open(KEEP);
  const kept = await cache.match(SHELL);
  const now = answer.headers.get("X-Shell");
  if (now && kept?.headers.get("X-Shell") !== now) await cache.add(SHELL);
}

async function page(event) {
  try {
    const asked = fetch(event.request);
    const late = new Promise((_, tell) => setTimeout(tell, PATIENCE_MS));
    const answer = await Promise.race([asked, late]);
    if (answer.ok) event.waitUntil(renew(answer).catch(() => {}));
    return answer;
  } catch {
    return (await caches.match(SHELL)) ?? Response.error();
  }
}

const file = (event) => fetch(event.request).catch(async () => (await caches.match(event.request)) ?? Response.error());

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate" && !pathname.startsWith("/api/")) event.respondWith(page(event));
  else if (FILES.includes(pathname)) event.respondWith(file(event));
});
