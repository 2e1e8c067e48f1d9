// What admins do to users, each in a dialog of its own.

import { h } from "./elements.js";
import { faultAt, openFormDialog } from "./form-dialog.js";
import { field } from "./forms.js";
import { passwordField } from "./password-field.js";
import { caller } from "./session.js";
import { text } from "./text.js";
import { toast, toastError } from "./toasts.js";
import { createUser, deleteUser, updateUser } from "./user-changes.js";

/** Returns whether a user is the caller. */
export function isCaller(user) {
  return user.username === caller()?.username;
}

/** Asks for a new user. `done` is called when a dialog of this module is closed. */
export function openNewUser(done) {
  const username = h("input", { autocomplete: "off", autocapitalize: "none", spellcheck: false, maxLength: 64 });
  const role = roleSelect("user");
  const { element, input: password } = passwordField(text.account.password, {
    autocomplete: "new-password",
    pointer: "/password",
    hint: `${text.account.passwordHint} ${text.users.initialPassword}`,
  });
  const create = async () => {
    const json = { username: username.value, role: role.control.value, password: password.value };
    toast(text.users.created((await createUser(json).catch(faultAt({ username_taken: "/username" }))).username));
  };
  const content = [field(text.users.name, username, { pointer: "/username" }), role.element, element];
  openFormDialog(text.users.create, content, { submit: text.users.create, action: create, onclose: done });
}

/** Asks for another role of a user. */
export function openRole(user, done) {
  const role = roleSelect(user.role);
  openFormDialog(text.users.roleOf(user.username), [role.element, h("p", {}, text.users.roleHint(user.username)), warning(user)], {
    submit: text.users.changeRole,
    onclose: done,
    action: async () => {
      const changed = await updateUser(user, { role: role.control.value }).catch(faultAt({ last_admin: "/role" }));
      toast(text.users.roleChanged(changed.username, changed.role));
    },
  });
}

/** Asks for a new password of a user, who is not the caller. */
export function openPasswordReset(user, done) {
  const { element, input } = passwordField(text.account.newPassword, {
    autocomplete: "new-password",
    pointer: "/password",
    hint: `${text.account.passwordHint} ${text.users.initialPassword}`,
  });
  openFormDialog(text.users.passwordOf(user.username), [element, h("p", {}, text.users.resetHint(user.username))], {
    submit: text.users.resetPassword,
    onclose: done,
    action: async () => {
      await updateUser(user, { password: input.value });
      toast(text.users.passwordReset(user.username));
    },
  });
}

/** Asks whether a user is to be disabled. */
export function openDisable(user, done) {
  openFormDialog(text.users.disableTitle(user.username), [h("p", {}, text.users.disableHint), warning(user)], {
    submit: text.users.disable,
    danger: true,
    onclose: done,
    action: async () => {
      const changed = await updateUser(user, { disabled: true });
      toast(text.users.wasDisabled(user.username), { action: { label: text.users.enable, run: () => enable(changed, done) } });
    },
  });
}

/** Enables a user. */
export async function enable(user, done) {
  try {
    await updateUser(user, { disabled: false });
    toast(text.users.wasEnabled(user.username));
  } catch (error) {
    toastError(error);
  }
  done();
}

/** Asks whether a user is to be deleted. */
export function openDelete(user, done) {
  openFormDialog(text.users.removeTitle(user.username), [h("p", {}, text.users.removeHint), warning(user)], {
    submit: text.users.remove,
    danger: true,
    onclose: done,
    action: async () => {
      await deleteUser(user);
      toast(text.users.removed(user.username));
    },
  });
}

function warning(user) {
  return isCaller(user) && h("p", { className: "warning" }, text.users.yourself);
}

/** Returns a field for a role, which says what the chosen one may do. */
function roleSelect(current) {
  const names = Object.keys(text.users.roles);
  const options = names.map((name) => h("option", { value: name, selected: name === current }, name));
  const control = h("select", { onchange: explain }, options);
  const element = field(text.users.role, control, { pointer: "/role", hint: text.users.roles[current] });
  return { element, control };

  function explain() {
    element.querySelector(".field-hint").textContent = text.users.roles[control.value];
  }
}
