// Dialogs with a form, which stay open with the service's faults until the request succeeds.

import { openDialog } from "./dialogs.js";
import { h } from "./elements.js";
import { formError, onSubmit } from "./forms.js";
import { text } from "./text.js";

/**
 * Opens a dialog with a form and a button `submit`, and returns its form. `action` is called when it is submitted; the dialog closes
 * unless it throws or returns false. `onclose` is called afterwards. With `danger`, the button warns, and Cancel has the focus.
 */
export function openFormDialog(title, content, { submit, action, onclose, danger = false }) {
  const form = h(
    "form",
    { className: "form-dialog", noValidate: true },
    content,
    formError(),
    h(
      "footer",
      { className: "dialog-foot" },
      h("button", { type: "button", autofocus: danger, onclick: () => dialog.close() }, text.actions.cancel),
      h("button", { className: danger ? "danger" : "primary" }, submit),
    ),
  );
  onSubmit(form, async () => {
    if ((await action()) !== false) dialog.close();
  });
  const dialog = openDialog(title, form, { onclose });
  if (!danger) form.querySelector("input:not([hidden]), select")?.focus();
  return form;
}

/** Puts a fault of the whole request, such as a name that is taken, at the field that it is about. Throws the error again. */
export function faultAt(pointers) {
  return (error) => {
    const pointer = pointers[error.code];
    if (pointer && !error.errors?.length) error.errors = [{ pointer, detail: error.message }];
    throw error;
  };
}
