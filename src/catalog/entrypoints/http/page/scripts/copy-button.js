// A button that copies a text.

import { copyText } from "./clipboard.js";
import { h } from "./elements.js";
import { text } from "./text.js";

const SHOWN_FOR = 2000;

/** Returns a button that copies `value`. `label` says of what, for those who don't see what is beside it. */
export function copyButton(value, { label, className } = {}) {
  const button = h("button", { type: "button", className, "aria-label": label, "aria-live": "polite", onclick: copy }, text.actions.copy);
  async function copy() {
    button.textContent = (await copyText(value, button)) ? text.actions.copied : text.actions.copyFailed;
    setTimeout(() => {
      button.textContent = text.actions.copy;
    }, SHOWN_FOR);
  }
  return button;
}
