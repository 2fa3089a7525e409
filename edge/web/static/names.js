// Names to tap instead of a code that is typed.

/** Fill `box` with them: `people` are {code, name}. */
export function names(box, people) {
  box.replaceChildren(
    ...people.map(({ code, name }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.dataset.code = code;
      button.textContent = name;
      button.setAttribute("aria-pressed", "false");
      return button;
    }),
  );
}

/** Call `chosen(code)` with the name that is tapped, now and later. */
export function onName(box, chosen) {
  box.addEventListener("click", (event) => {
    const one = event.target.closest("[data-code]");
    if (!one) return;
    for (const other of box.querySelectorAll("[data-code]")) other.setAttribute("aria-pressed", String(other === one));
    chosen(one.dataset.code);
  });
}
