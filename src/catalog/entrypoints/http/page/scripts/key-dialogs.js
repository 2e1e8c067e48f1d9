// Making and revoking API keys.

import { request } from "./api.js";
import { copyButton } from "./copy-button.js";
import { openDialog } from "./dialogs.js";
import { h, newId } from "./elements.js";
import { openFormDialog } from "./form-dialog.js";
import { field } from "./forms.js";
import { caller } from "./session.js";
import { text } from "./text.js";
import { toast } from "./toasts.js";

const DAY = 24 * 60 * 60 * 1000;
const USUAL_DAYS = 90;
const IMPLIED = { "items:write": "items:create" };

/** Asks for a new key of the caller, and shows it. `done` is called when a dialog of this module is closed. */
export function openNewKey(done) {
  const name = h("input", { maxLength: 100, autocomplete: "off" });
  const scopes = scopeChoice();
  const expiry = expiryField();
  const content = [field(text.keys.name, name, { pointer: "/name", hint: text.keys.nameHint }), scopes.element, expiry.element];
  let created = null;
  openFormDialog(text.keys.create, content, {
    submit: text.keys.create,
    onclose: () => (created ? showKey(created, done) : done()),
    action: async () => {
      const json = { name: name.value, scopes: scopes.chosen(), expires_at: expiry.moment() };
      created = (await request("POST", "/api-keys", { json })).data;
    },
  });
}

/** Asks whether a key is to be revoked. */
export function openRevoke(key, done) {
  openFormDialog(text.keys.revokeTitle(key.name), [h("p", {}, text.keys.revokeHint)], {
    submit: text.keys.revoke,
    danger: true,
    onclose: done,
    action: async () => {
      await request("DELETE", `/api-keys/${key.id}`);
      toast(text.keys.revoked(key.name));
    },
  });
}

/** Shows a new key, which cannot be shown again. Escape does not close the dialog: it would be lost by mistake. */
function showKey(created, done) {
  const key = h("textarea", { value: created.key, rows: 2, readOnly: true, className: "key-text", spellcheck: false, autocomplete: "off" });
  const content = h(
    "div",
    { className: "form-dialog" },
    h("p", { className: "warning" }, text.keys.shownHint),
    field(text.keys.key, key),
    h(
      "footer",
      { className: "dialog-foot" },
      h("button", { type: "button", onclick: () => dialog.close() }, text.keys.stored),
      copyButton(created.key, { className: "primary" }),
    ),
  );
  const dialog = openDialog(text.keys.shown, content, { onclose: done });
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  key.focus();
  key.select();
}

/** Returns a checkbox for each scope that the caller has. */
function scopeChoice() {
  const id = newId("scopes");
  const boxes = caller().scopes.map((scope) => h("input", { type: "checkbox", value: scope, "aria-describedby": id, onchange: follow }));
  const labels = boxes.map((box) =>
    h("label", { className: "scope" }, box, h("span", {}, h("code", {}, box.value), ` ${text.keys.means[box.value] ?? ""}`)),
  );
  const element = h(
    "fieldset",
    { className: "field", "data-pointer": "/scopes" },
    h("legend", {}, text.keys.scopes),
    labels,
    h("p", { className: "field-error", id, role: "alert" }),
  );
  return { element, chosen: () => boxes.filter((box) => box.checked).map((box) => box.value) };

  /** A scope that another one implies cannot be left out. */
  function follow() {
    for (const [scope, implied] of Object.entries(IMPLIED)) {
      const [by, box] = [scope, implied].map((value) => boxes.find((each) => each.value === value));
      if (by && box) box.disabled = by.checked;
      if (by?.checked && box) box.checked = true;
    }
  }
}

/** Returns a field for the last day on which a key is valid, and buttons for the usual terms. */
function expiryField() {
  const input = h("input", { type: "date", value: localDay(USUAL_DAYS), min: localDay(0) });
  const element = field(text.keys.expiry, input, { pointer: "/expires_at", hint: text.keys.expiryHint });
  const terms = text.keys.terms.map(([days, label]) =>
    h("button", { type: "button", className: "chip", onclick: () => (input.value = days === null ? "" : localDay(days)) }, label),
  );
  input.after(h("div", { className: "chips" }, terms));
  return { element, moment: () => (input.value ? new Date(`${input.value}T23:59:59`).toISOString() : null) };
}

/** Returns the day after this many days, as `<input type=date>` has it. */
function localDay(days) {
  const date = new Date(Date.now() + days * DAY);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}
