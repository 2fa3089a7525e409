// What is pressed before the page's scripts are there is pressed when they are: nobody has to press again on a slow box.
//
// Each button once, in the order of the presses, and each field that was changed tells so. What a browser does by itself
// (links, a field's own keys) it goes on doing, and so does `theme.js`, which is there before this.

{
  const buttons = new Set();
  const fields = new Set();
  const press = (event) => {
    const button = event.target.closest?.("button:not(.shade)");
    if (!button) return;
    event.preventDefault(); // a form without its script would load the page anew
    event.stopImmediatePropagation();
    buttons.add(button);
  };
  const change = ({ target }) => fields.add(target);
  addEventListener("click", press, true);
  addEventListener("change", change, true);
  addEventListener("DOMContentLoaded", () => {
    removeEventListener("click", press, true);
    removeEventListener("change", change, true);
    for (const field of fields) field.dispatchEvent(new Event("change", { bubbles: true }));
    for (const button of buttons) button.click();
  });
}
