// A text that can be copied.

import { copyButton } from "./copy-button.js";
import { h } from "./elements.js";

/** Returns a text with a button that copies it. `label` says what it is, for those who don't see what is beside it. */
export function copiedText(value, label) {
  return [h("code", {}, value), copyButton(value, { label, className: "link-button" })];
}
