// Copying what is shown.

import { h } from "./elements.js";

/** Copies a text. `near` is an element beside which nothing is hidden from the browser, as in a dialog. Returns whether it did. */
export async function copyText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text, near); // without TLS there is no clipboard, except on the own machine
  }
}

function copySelected(text, near) {
  const area = h("textarea", { value: text, className: "visually-hidden", readOnly: true, tabIndex: -1 });
  const before = document.activeElement;
  near.after(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  before?.focus();
  return isCopied;
}
