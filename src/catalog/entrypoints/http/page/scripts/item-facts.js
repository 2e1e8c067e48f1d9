// An item's fields, to read.

import { h } from "./elements.js";
import { fieldKeys, fieldLabel, fieldText, fieldValue } from "./item-fields.js";

/** Returns the fields of an item as a list, attributes last. */
export function itemFacts(item) {
  const keys = fieldKeys(item).filter((key) => key !== "sku");
  return h("dl", { className: "facts" }, keys.map((key) => fact(fieldLabel(key), fieldText(key, fieldValue(item, key)))));
}

/** Returns a line of such a list. */
export function fact(label, ...value) {
  return h("div", {}, h("dt", {}, label), h("dd", {}, value));
}
