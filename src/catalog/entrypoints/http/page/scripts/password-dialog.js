// Changing the own password.

import { request } from "./api.js";
import { h } from "./elements.js";
import { faultAt, openFormDialog } from "./form-dialog.js";
import { passwordField } from "./password-field.js";
import { orWait } from "./retry-wait.js";
import { caller } from "./session.js";
import { text } from "./text.js";
import { toast } from "./toasts.js";

/** Opens the dialog. The session of this browser goes on, with a new cookie; all others end. */
export function openPasswordDialog() {
  const current = passwordField(text.account.currentPassword, { autocomplete: "current-password", pointer: "/current" });
  const next = passwordField(text.account.newPassword, {
    autocomplete: "new-password",
    pointer: "/new",
    hint: text.account.passwordHint,
  });
  const change = () =>
    request("POST", "/auth/me/password", { json: { current: current.input.value, new: next.input.value } }).catch(
      faultAt({ invalid_credentials: "/current" }),
    );
  const form = openFormDialog(text.account.changePassword, [usernameForManagers(), current.element, next.element], {
    submit: text.account.changePassword,
    action: async () => {
      if (!(await orWait(form, change))) return false;
      toast(text.account.passwordChanged);
      window.dispatchEvent(new CustomEvent("password-changed"));
      return true;
    },
  });
}

/** Returns a hidden field, from which password managers see whose password it is. */
function usernameForManagers() {
  return h("input", { type: "text", autocomplete: "username", value: caller().username, hidden: true, readOnly: true });
}
