// A text, and a button that copies it.

import { copyTextOf } from "./clipboard.js";
import { h } from "./elements.js";
import { text } from "./text.js";

const SHOWN_FOR = 2000;

/** Returns a text that people copy to use it elsewhere, and a button that does. `label` says what is copied. */
export function copiedText(value, label) {
  const shown = h("code", {}, value);
  const button = h("button", { type: "button", className: "link-button", "aria-label": label, onclick: copy }, text.actions.copy);
  async function copy() {
    if (!(await copyTextOf(shown))) return;
    button.textContent = text.actions.copied;
    setTimeout(() => {
      button.textContent = text.actions.copy;
    }, SHOWN_FOR);
  }
  return [shown, button];
}
