// What both pickers, of goods and of people, have in common: how well something is found by what was typed.

/** Half-width and small, without blanks: as codes and initials are compared. */
export const plain = (text) => text.normalize("NFKC").replace(/\s+/g, "").toLowerCase();

const VALUE = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");

/** Call `changed` when the page itself puts something into this field or empties it, which is no event otherwise. */
export function watch(input, changed) {
  Object.defineProperty(input, "value", {
    get: () => VALUE.get.call(input),
    set(text) {
      VALUE.set.call(input, text);
      changed();
    },
  });
}

/**
 * How well one is found: 0 is exactly, 3 is somewhere within, null is not at all. `name` is what it is called here, of
 * which any part will do; `words` are its code, initials and other names, of which letters and digits are found by how
 * they begin.
 */
export function rank(name, words, text) {
  let best = name === text ? 0 : name.startsWith(text) ? 1 : name.includes(text) ? 3 : null;
  for (const word of words) {
    const at = word.indexOf(text);
    const ascii = /^[a-z0-9]*$/.test(word);
    const now = at < 0 ? null : word === text ? 0 : at === 0 ? 1 : ascii ? null : 3;
    if (now !== null && (best === null || now < best)) best = now;
  }
  return best;
}
