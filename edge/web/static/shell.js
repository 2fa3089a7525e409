// The frame of a page while the station is down: it tries, and the page comes by itself.

const AGAIN_MS = 1000;
const PATIENCE_MS = 5000;

async function up() {
  try {
    const answer = await fetch("/health", { signal: AbortSignal.timeout(PATIENCE_MS) });
    return answer.ok || (await answer.json()).token !== undefined; // it answers, whatever it has to complain of
  } catch {
    return false;
  }
}

async function wait() {
  if (!document.hidden && (await up())) location.replace(location.pathname === "/shell" ? "/" : location.href);
  else setTimeout(wait, AGAIN_MS);
}

for (const way of document.querySelectorAll("nav a:not(.language)")) {
  if (way.pathname === location.pathname) way.setAttribute("aria-current", "page");
}
document.addEventListener("click", (event) => event.target.closest("nav a.language") && event.preventDefault());
wait();
