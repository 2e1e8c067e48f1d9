// Dialogs: what has to be answered before the page goes on.

import { h, newId } from "./elements.js";
import { text } from "./text.js";

/**
 * Opens a dialog with a title and content, and returns its `<dialog>`, which has the method `close(answer)`. It is removed when it
 * is closed, also by Escape; the focus goes back to where it was.
 */
export function openDialog(title, content, { className = "", onclose } = {}) {
  const id = newId("dialog");
  const dialog = h(
    "dialog",
    { className: `dialog ${className}`, "aria-labelledby": id },
    h(
      "header",
      { className: "dialog-head" },
      h("h2", { id }, title),
      h("button", { type: "button", className: "icon-button", "aria-label": text.actions.close, onclick: () => dialog.close() }, "×"),
    ),
    content,
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    onclose?.(dialog.returnValue);
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks for a confirmation. Resolves to whether it was given. `danger` marks what is hard to undo. */
export function confirm(title, message, { confirmLabel, danger = false } = {}) {
  return new Promise((resolve) => {
    const content = h(
      "form",
      { method: "dialog" },
      h("p", {}, message),
      h(
        "footer",
        { className: "dialog-foot" },
        h("button", { type: "button", onclick: () => dialog.close() }, text.actions.cancel),
        h("button", { className: danger ? "danger" : "primary", value: "confirmed", autofocus: true }, confirmLabel),
      ),
    );
    const dialog = openDialog(title, content, { onclose: (answer) => resolve(answer === "confirmed") });
  });
}
