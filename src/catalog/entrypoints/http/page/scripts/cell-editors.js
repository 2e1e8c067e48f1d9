// What a cell of the table becomes while it is edited.

import { categorySelect } from "./category-select.js";
import { h } from "./elements.js";
import { priceFields } from "./price-fields.js";
import { text } from "./text.js";

/**
 * For each field that can be edited in the table, makes `{elements, read}`: its controls, with the present value, and what
 * returns the new value for a merge patch. The first control gets the focus.
 */
export const CELL_EDITORS = {
  name(item) {
    const input = h("input", { value: item.name, maxLength: 200, "aria-label": text.editing.name });
    return { elements: [input], read: () => input.value };
  },
  description(item) {
    const area = h("textarea", { value: item.description ?? "", rows: 3, maxLength: 10000, "aria-label": text.editing.description });
    return { elements: [area], read: () => (area.value.trim() ? area.value : null) };
  },
  category(item) {
    const select = categorySelect(item.category, { "aria-label": text.editing.category });
    return { elements: [select], read: () => select.value || null };
  },
  price(item) {
    const { amount, currency, read } = priceFields(item.price);
    return { elements: [amount, currency], read };
  },
};

/** Returns whether two values of a field are the same, as the service sends and takes them. */
export function isSame(value, other) {
  return value?.amount === undefined ? (value ?? null) === (other ?? null) : value.amount === other?.amount && value.currency === other?.currency;
}
