// The filters in the address. They have the names and the forms that the API gives its parameters.

import { change, parameters } from "./address.js";

const FIELDS = ["sku", "category", "currency", "price", "version", "created_at", "updated_at"];
const ALIASES = {
  price_min: ["price", "gte"],
  price_max: ["price", "lte"],
  created_after: ["created_at", "gt"],
  created_before: ["created_at", "lt"],
  updated_after: ["updated_at", "gt"],
  updated_before: ["updated_at", "lt"],
};
const ATTRIBUTE = "attr.";
const PART = /"(?:[^"\\]|\\.)*"(?=,|$)|[^,]*/sy;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Returns the filters: `{name, field, operator, value}` for each value, those of a list one by one. */
export function chosenFilters() {
  const found = [];
  for (const [name, raw] of parameters()) {
    const [field, operator] = partsOf(name);
    if (!field || (raw === "" && !isAttribute(field))) continue;
    for (const value of operator === "in" ? partsOfList(raw) : [raw]) found.push({ name, field, operator, value });
  }
  return found;
}

/** Returns what narrows the list: the search and the filters, except those of some fields. */
export function narrowing(...without) {
  const query = new URLSearchParams();
  for (const [name, value] of parameters()) {
    const [field] = partsOf(name);
    if (name === "q" || (field && !without.includes(field))) query.append(name, value);
  }
  return query;
}

/** Returns which values a field is filtered by, in the form that `operandOf` gives them. */
export function chosenValues(field) {
  const equal = chosenFilters().filter((each) => each.field === field && ["eq", "in"].includes(each.operator));
  return equal.map(({ value }) => (isAttribute(field) ? operandOf(valueOf(value)) : value));
}

/** Returns the value of the filter of a field with this operator, or an empty text. */
export function chosenBound(field, operator) {
  return chosenFilters().find((each) => each.field === field && each.operator === operator)?.value ?? "";
}

/** Changes parameters of the address, and goes to the first page. */
export function filterBy(changes) {
  change({ ...changes, cursor: null, offset: null });
}

/** Filters by any of these values of a field, which are in the form that `operandOf` gives them. */
export function filterByValues(field, values) {
  const equal = field.includes("__") ? `${field}__eq` : field;
  const none = { [field]: null, [`${field}__eq`]: null, [`${field}__in`]: null };
  filterBy({ ...none, ...(values.length > 1 ? { [`${field}__in`]: values.join(",") } : { [equal]: values }) });
}

/** Removes one of the `chosenFilters`. Without a currency, there are no bounds of prices. */
export function removeFilter({ name, field, operator, value }) {
  const rest = chosenFilters().filter((each) => each.name === name && each.value !== value);
  const left = rest.map((each) => each.value);
  const bounds = field === "currency" ? namesOf((each) => each.field === "price" && each.operator !== "exists") : [];
  filterBy({ ...Object.fromEntries(bounds.map((each) => [each, null])), [name]: operator === "in" ? left.join(",") : left });
}

/** Removes all filters. The search and the order stay. */
export function clearFilters() {
  filterBy(Object.fromEntries(namesOf(() => true).map((name) => [name, null])));
}

/** Returns a value of an attribute in the form that filters have. Text that looks like something else is in quotes. */
export function operandOf(value) {
  if (typeof value !== "string") return String(value);
  const looksOther = value === "" || value === "true" || value === "false" || NUMBER.test(value) || /^"|,/.test(value);
  return looksOther ? JSON.stringify(value) : value;
}

/** Returns the value that a filter of an attribute compares with. */
export function valueOf(operand) {
  if (operand === "true" || operand === "false") return operand === "true";
  if (NUMBER.test(operand)) return Number(operand);
  if (!operand.startsWith('"')) return operand;
  try {
    return JSON.parse(operand);
  } catch {
    return operand; // the service says what is wrong with it
  }
}

/** Returns whether a field is an attribute. */
export function isAttribute(field) {
  return field.startsWith(ATTRIBUTE);
}

/** Returns the field of an attribute, or its name without the prefix. */
export const attributeField = (name) => ATTRIBUTE + name;
export const attributeName = (field) => field.slice(ATTRIBUTE.length);

function namesOf(isWanted) {
  return chosenFilters()
    .filter(isWanted)
    .map(({ name }) => name);
}

/** Returns field and operator of a parameter, or nothing if it is no filter. Names of attributes may have two underscores. */
function partsOf(name) {
  if (name in ALIASES) return ALIASES[name];
  const end = isAttribute(name) ? name.lastIndexOf("__") : name.indexOf("__");
  const field = end < 0 ? name : name.slice(0, end);
  return isAttribute(field) || FIELDS.includes(field) ? [field, end < 0 ? "eq" : name.slice(end + 2)] : [];
}

/** Splits a list at its commas, except those in quotes. */
function partsOfList(list) {
  const parts = [];
  for (PART.lastIndex = 0; PART.lastIndex <= list.length; PART.lastIndex += 1) parts.push(PART.exec(list)[0]);
  return parts.filter(Boolean);
}
