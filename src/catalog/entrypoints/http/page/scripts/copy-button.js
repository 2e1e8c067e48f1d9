// Copies a text that is shown.

import { h } from "./elements.js";
import { text } from "./text.js";

const SHOWN_FOR = 2000;

/** Returns a button that copies the content of an `<input>` or `<textarea>`. Where the browser allows no copying, it says how to. */
export function copyButton(input) {
  const button = h("button", { type: "button", onclick: copy }, text.actions.copy);
  return button;

  async function copy() {
    input.select();
    try {
      await navigator.clipboard.writeText(input.value); // undefined without TLS, except on the own machine
      say(text.actions.copied);
    } catch {
      say(text.actions.copyByHand);
    }
  }

  function say(message) {
    button.textContent = message;
    setTimeout(() => {
      button.textContent = text.actions.copy;
    }, SHOWN_FOR);
  }
}
