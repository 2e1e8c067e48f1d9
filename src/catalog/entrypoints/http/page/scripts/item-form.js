// Creating an item.

import { categorySelect } from "./category-select.js";
import { openDialog } from "./dialogs.js";
import { h } from "./elements.js";
import { field, formError, onSubmit } from "./forms.js";
import { createItem } from "./item-changes.js";
import { priceFields } from "./price-fields.js";
import { text } from "./text.js";
import { toast } from "./toasts.js";

/** `<item-form>` creates an item. It announces `item-created` with it. */
export class ItemForm extends HTMLElement {
  connectedCallback() {
    const name = h("input", { required: true, maxLength: 200, autocomplete: "off", autofocus: true });
    const sku = h("input", { maxLength: 64, autocomplete: "off", spellcheck: false });
    const description = h("textarea", { rows: 4, maxLength: 10000 });
    const category = categorySelect(null);
    const price = priceFields(null);
    const form = h(
      "form",
      { className: "item-form" },
      formError(),
      field(text.editing.name, name, { pointer: "/name" }),
      field(text.editing.sku, sku, { pointer: "/sku", hint: text.editing.skuHint }),
      field(text.editing.description, description, { pointer: "/description" }),
      field(text.editing.category, category, { pointer: "/category" }),
      h(
        "div",
        { className: "field-pair" },
        field(text.editing.amount, price.amount, { pointer: "/price/amount" }),
        field(text.editing.currency, price.currency, { pointer: "/price/currency" }),
      ),
      h("footer", { className: "dialog-foot" }, h("button", { className: "primary" }, text.editing.create)),
    );
    onSubmit(form, async () => {
      const fields = { name: name.value };
      if (sku.value.trim()) fields.sku = sku.value;
      if (description.value.trim()) fields.description = description.value;
      if (category.value) fields.category = category.value;
      if (price.read()) fields.price = price.read();
      const item = await createItem(fields);
      this.dispatchEvent(new CustomEvent("item-created", { detail: item, bubbles: true }));
    });
    this.replaceChildren(form);
  }
}

/** Opens a dialog that creates an item, as `item-form-wanted` does. */
function openItemForm() {
  const form = h("item-form");
  const dialog = openDialog(text.editing.newItem, form);
  form.addEventListener("item-created", ({ detail }) => {
    dialog.close();
    toast(text.editing.created(detail.name));
  });
}

window.addEventListener("item-form-wanted", openItemForm);
customElements.define("item-form", ItemForm);
