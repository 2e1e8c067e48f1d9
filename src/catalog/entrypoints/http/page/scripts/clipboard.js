// Copying a text.

import { h } from "./elements.js";

/** Copies a text. Returns whether the browser did. `place` is an element that is shown. */
export async function copyText(value, place) {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    return copySelected(value, place); // without TLS there is no clipboard, except on the own machine
  }
}

function copySelected(value, place) {
  const copied = h("span", { className: "visually-hidden" }, value);
  place.after(copied);
  getSelection().selectAllChildren(copied);
  const isCopied = document.execCommand("copy");
  copied.remove();
  return isCopied;
}
