// A field for a password, which can be shown while it is typed.

import { h } from "./elements.js";
import { field } from "./forms.js";
import { text } from "./text.js";

/** Returns `{element, input}`: a labelled field for a password, with a button that shows what was typed. `options` are those of `field`. */
export function passwordField(label, { autocomplete, ...options }) {
  const input = h("input", { type: "password", name: "password", required: true, autocomplete, autocapitalize: "none", spellcheck: false });
  const labelled = field(label, input, options);
  const show = h("button", { type: "button", className: "password-show", "aria-pressed": "false", onclick: toggle }, text.account.show);
  show.setAttribute("aria-controls", input.id);
  const row = h("div", { className: "input-row" });
  input.replaceWith(row);
  row.append(input, show);
  return { element: labelled, input };

  function toggle() {
    const isShown = input.type === "text";
    input.type = isShown ? "password" : "text";
    show.setAttribute("aria-pressed", String(!isShown));
  }
}
