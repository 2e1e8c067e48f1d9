// A button that copies a text.
// Copies a text that is shown.

import { h } from "./elements.js";
import { text } from "./text.js";

const SHOWN_FOR = 2000;

/** Returns a button that copies `value`. `label` says of what, for those who don't see what is beside it. */
export function copyButton(value, label) {
  const button = h("button", { type: "button", className: "link-button", "aria-label": label, onclick: copy }, text.actions.copy);
  async function copy() {
    try {
      await navigator.clipboard.writeText(value);
    } catch {
      return; // without HTTPS, browsers have no clipboard for pages; the text beside the button can be selected
    }
    button.textContent = text.actions.copied;
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
      say(text.keys.copyFailed);
    }
  }

  function say(message) {
    button.textContent = message;
    setTimeout(() => {
      button.textContent = text.actions.copy;
    }, SHOWN_FOR);
  }
  return button;
}
