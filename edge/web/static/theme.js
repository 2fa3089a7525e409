// Light or dark, before the first thing is drawn: as the person chose on this device, else as the station is set:
// `light`, `dark`, `auto` (as the system) or `time` (light within `data-day`).

(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: light)");
  const minutes = (text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));

  function byTime() {
    const [from, to] = root.dataset.day.split("-").map(minutes);
    const now = new Date();
    const at = now.getHours() * 60 + now.getMinutes();
    return from <= to ? from <= at && at < to : at >= from || at < to;
  }

  function own() {
    try {
      return ["light", "dark"].includes(localStorage.theme) ? localStorage.theme : "";
    } catch {
      return ""; // a browser that keeps nothing
    }
  }

  function station() {
    const { theme } = root.dataset;
    const light = theme === "auto" ? system.matches : theme === "time" ? byTime() : theme === "light";
    return light ? "light" : "dark";
  }

  function shade() {
    const now = own() || station();
    if (root.dataset.shade === now) return;
    root.dataset.shade = now;
    document.querySelector("meta[name=theme-color]").content = now === "light" ? "#ffffff" : "#161d1b";
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest(".shade")) return;
    const other = root.dataset.shade === "light" ? "dark" : "light";
    try {
      if (other === station()) delete localStorage.theme; // no choice of his own any more
      else localStorage.theme = other;
    } catch {
      root.dataset.theme = other;
    }
    shade();
  });
  shade();
  system.addEventListener("change", shade);
  addEventListener("storage", shade);
  setInterval(shade, 20_000);
})();
