// The fields of an item as people read them: their names, their values as text, and what differs between two states. A field has a
// key: `name`, or `attributes.colour` for an attribute.

import { categoryPath } from "./category-select.js";
import { ExactNumber, same } from "./exact-json.js";
import { price } from "./format.js";
import { text } from "./text.js";

const ATTRIBUTE = "attributes.";
const NAMES = ["sku", "name", "description", "category", "price"];

/** Returns the keys of the fields that an item or a merge patch has. */
export function fieldKeys(item) {
  const attributes = Object.keys(item?.attributes ?? {}).map((name) => ATTRIBUTE + name);
  return [...NAMES.filter((name) => item && name in item), ...attributes];
}

/** Returns the value of a field, or null. */
export function fieldValue(item, key) {
  const isAttribute = key.startsWith(ATTRIBUTE);
  const owner = (isAttribute ? item?.attributes : item) ?? {};
  const name = isAttribute ? key.slice(ATTRIBUTE.length) : key;
  return Object.hasOwn(owner, name) ? owner[name] : null;
}

/** Returns the keys of the fields in which two states of an item differ; null is before it was created or after it was deleted. */
export function differences(before, after) {
  const keys = new Set([...fieldKeys(before), ...fieldKeys(after)]);
  return [...keys].filter((key) => !same(fieldValue(before, key), fieldValue(after, key)));
}

/** Returns the merge patch that sets fields, given as pairs of key and value. */
export function toPatch(pairs) {
  const isAttribute = ([key]) => key.startsWith(ATTRIBUTE);
  const attributes = pairs.filter(isAttribute).map(([key, value]) => [key.slice(ATTRIBUTE.length), value]);
  const patch = Object.fromEntries(pairs.filter((pair) => !isAttribute(pair)));
  return attributes.length ? { ...patch, attributes: Object.fromEntries(attributes) } : patch;
}

/** Returns the name of a field. */
export function fieldLabel(key) {
  return key.startsWith(ATTRIBUTE) ? key.slice(ATTRIBUTE.length) : text.drawer.fields[key];
}

/** Returns the value of a field as text. */
export function fieldText(key, value) {
  if (value === null || value === undefined || value === "") return text.drawer.none;
  if (key === "price") return price(value);
  if (key === "category") return categoryPath(value);
  return typeof value === "boolean" ? text.drawer.truth[value] : String(value);
}

/** Returns two values as texts that differ, if need be by their types: 5 the number, 5 the text. */
export function fieldTexts(key, ...values) {
  const texts = values.map((value) => fieldText(key, value));
  return texts[0] === texts[1] ? texts.map((each, index) => text.drawer.typed(each, text.drawer.types[typeOf(values[index])])) : texts;
}

/** Returns the type of an attribute: `text`, `integer`, `number` or `boolean`. */
export function typeOf(value) {
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "number" || value instanceof ExactNumber) return /^-?\d+$/.test(String(value)) ? "integer" : "number";
  return "text";
}
