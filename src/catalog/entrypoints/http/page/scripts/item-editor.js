// An item's fields, to edit. What others change meanwhile is taken over wherever nothing was edited.

import { resolveConflict } from "./conflict-dialog.js";
import { fillCategories } from "./category-select.js";
import { h, newId } from "./elements.js";
import { clearErrors, field, formError, showErrors } from "./forms.js";
import { fieldLabel, fieldText, fieldValue, toPatch } from "./item-fields.js";
import { readItem, updateItem } from "./item-changes.js";
import { text } from "./text.js";
import { decimalText, shownNumber } from "./typed-number.js";
import { TrackedField } from "./tracked-field.js";

/** `<item-editor>` announces `edited` when edits begin or end, `saved`, and `gone` if the item was deleted meanwhile. */
export class ItemEditor extends HTMLElement {
  #item;
  #fields = new Map();
  #rows = h("attribute-rows");
  #form;
  #foot;

  /** Whether a change is on its way. */
  isSaving = false;

  /** Shows an item as it is stored. Edits are dropped. */
  show(item) {
    if (!this.#form) this.#build();
    this.#item = item;
    for (const [key, each] of this.#fields) each.show(fieldValue(item, key));
    this.#rows.show(item.attributes);
    clearErrors(this);
    this.#follow();
  }

  /** Takes an item as it is stored now; edits stay. Returns the names of the fields that somebody changed. */
  update(item) {
    this.#item = item;
    const changed = [...this.#fields].filter(([key, each]) => each.update(fieldValue(item, key), (value) => fieldText(key, value)));
    const labels = [...changed.map(([key]) => fieldLabel(key)), ...this.#rows.update(item.attributes)];
    this.#follow();
    return labels;
  }

  get item() {
    return this.#item;
  }

  get isEdited() {
    return this.#rows.isEdited || [...this.#fields.values()].some((each) => each.isEdited);
  }

  #build() {
    const name = h("input", { required: true, autocomplete: "off" });
    const description = h("textarea", { rows: 3 });
    const category = h("select");
    const amount = h("input", { inputMode: "decimal", autocomplete: "off" });
    const currency = h("input", { maxLength: 3, autocomplete: "off", autocapitalize: "characters", spellcheck: false });
    const id = newId("editor");
    this.#form = h(
      "form",
      { id, className: "editor", noValidate: true, onsubmit: (event) => this.#submit(event) },
      this.#track("name", field(text.drawer.fields.name, name, { pointer: "/name" }), control(name)),
      this.#track("category", field(text.drawer.fields.category, category, { pointer: "/category" }), {
        ...control(category),
        write: (slug) => fillCategories(category, slug),
      }),
      this.#track(
        "price",
        h(
          "div",
          { className: "editor-price" },
          field(text.drawer.fields.price, amount, { pointer: "/price/amount" }),
          field(text.drawer.currency, currency, { pointer: "/price/currency" }),
        ),
        {
          write: (price) => {
            amount.value = price ? shownNumber(price.amount) : "";
            currency.value = price?.currency ?? "";
          },
          read: () => JSON.stringify([amount.value.trim(), currency.value.trim()]),
          value: () => {
            const typed = decimalText(amount.value);
            return typed ? { amount: typed, currency: currency.value.trim().toUpperCase() } : null;
          },
        },
      ),
      this.#track("description", field(text.drawer.fields.description, description, { pointer: "/description" }), control(description)),
      h("fieldset", { className: "editor-attributes" }, h("legend", {}, text.drawer.attributes), this.#rows),
    );
    this.#foot = h(
      "footer",
      { className: "editor-foot" },
      formError(),
      h("p", { className: "editor-state", role: "status" }),
      h("button", { type: "button", onclick: () => this.#discard() }, text.drawer.discard),
      h("button", { className: "primary" }, text.actions.save),
    );
    for (const button of this.#foot.querySelectorAll("button")) button.setAttribute("form", id);
    this.append(this.#form, this.#foot);
    this.addEventListener("input", () => this.#follow());
    this.addEventListener("change", () => this.#follow());
    this.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || !["s", "Enter"].includes(event.key)) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
  }

  #track(key, element, controls) {
    element.append(h("p", { className: "field-note" }));
    this.#fields.set(key, new TrackedField(element, controls));
    return element;
  }

  /** Shows whether there is something to save. An edit that was taken back makes way for what others changed. */
  #follow() {
    for (const [key, each] of this.#fields) {
      if (!each.isEdited) each.update(fieldValue(this.#item, key));
    }
    const { isEdited } = this;
    this.#foot.querySelector(".editor-state").textContent = isEdited ? text.drawer.unsaved : "";
    if (this.#foot.hidden !== isEdited) return;
    this.#foot.hidden = !isEdited;
    this.#announce("edited");
  }

  #discard() {
    this.show(this.#item);
    this.#form.querySelector("input").focus();
  }

  async #submit(event) {
    event.preventDefault();
    if (this.isSaving) return;
    clearErrors(this);
    this.isSaving = true;
    this.toggleAttribute("aria-busy", true);
    try {
      if (await this.#save()) this.#announce("saved");
    } catch (error) {
      if (error.code === "item_not_found") this.#announce("gone");
      else showErrors(this, error.code === "offline" ? { message: text.states.offline } : error);
    } finally {
      this.isSaving = false;
      this.toggleAttribute("aria-busy", false);
    }
  }

  /** Saves what was edited, on top of what others have changed meanwhile. Returns whether it did. Throws ApiError. */
  async #save() {
    const edits = this.#edits();
    if (!edits.length) return false;
    const known = toPatch(edits.map(([key, edit]) => [key, edit.base]));
    let base = { ...this.#item, ...known, attributes: { ...this.#item.attributes, ...known.attributes } };
    let mine = toPatch(edits.map(([key, edit]) => [key, edit.mine]));
    for (;;) {
      mine = await resolveConflict(base, mine, this.#item);
      if (!mine) return false;
      try {
        this.show(await updateItem(this.#item, mine));
        return true;
      } catch (error) {
        if (error.code !== "stale_version") throw error;
        base = this.#item;
        this.update(await readItem(this.#item.id));
      }
    }
  }

  /** Returns what was edited, as pairs of key and `{base, mine}`. Throws ApiError for what can't be sent. */
  #edits() {
    const edited = [...this.#fields].filter(([, each]) => each.isEdited);
    return [
      ...edited.map(([key, each]) => [key, { base: each.base, mine: each.value() }]),
      ...[...this.#rows.edits()].map(([name, edit]) => [`attributes.${name}`, edit]),
    ];
  }

  #announce(name) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true }));
  }
}

function control(element) {
  const read = () => element.value;
  return {
    read,
    value: () => read() || null,
    write: (value) => {
      element.value = value ?? "";
    },
  };
}

customElements.define("item-editor", ItemEditor);
