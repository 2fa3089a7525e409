// The service worker, where a browser has one: on the box itself, and over TLS. Without it nothing else is missing.

addEventListener("load", () => {
  navigator.serviceWorker?.register("/static/sw.js", { scope: "/" }).catch(() => {});
});
