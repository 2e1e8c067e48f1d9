// Filters in words, as the chips say them.

import { price } from "./format.js";
import { attributeName, chosenBound, isAttribute, valueOf } from "./filter-query.js";
import { text } from "./text.js";

/** Returns the label of a field of items. */
export function fieldLabel(field) {
  if (!isAttribute(field)) return text.filters.fields[field] ?? text.filters.times[field] ?? field;
  const words = attributeName(field).replace(/_+/g, " ").trim();
  return words[0].toUpperCase() + words.slice(1);
}

/** Returns how a value of an attribute is written. */
export function valueLabel(value) {
  if (value === "") return text.filters.empty;
  return typeof value === "boolean" ? text.filters[value ? "yes" : "no"] : String(value);
}

/** Says what one of the `chosenFilters` asks for. `tree` has the names of categories, if it is known. */
export function filterLabel({ field, operator, value }, tree) {
  const label = fieldLabel(field);
  if (operator === "exists") return text.filters[value === "false" ? "missing" : "exists"](label.toLowerCase());
  const say = text.filters.is[operator] ?? ((name, of) => `${name} ${operator} ${of}`);
  return say(label, operand(field, value, tree));
}

function operand(field, value, tree) {
  if (isAttribute(field)) return valueLabel(valueOf(value));
  if (field === "category") return tree?.bySlug.get(value)?.name ?? value;
  if (field !== "price") return value;
  try {
    return price({ amount: value, currency: chosenBound("currency", "eq").toUpperCase() });
  } catch {
    return value; // no such currency: the service says so
  }
}
