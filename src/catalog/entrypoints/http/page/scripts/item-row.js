// The rows of the items: one for each, with a cell for each column.

import { address } from "./address.js";
import { h } from "./elements.js";
import { ago, moment, price } from "./format.js";
import { itemParameters } from "./item-query.js";
import { text } from "./text.js";

const NAMES_OF_CATEGORIES = new Map();

/** The columns: `field` of the item, the `sort` of the API if it has one, and what a cell shows. */
export const COLUMNS = [
  { field: "sku", sort: "sku", content: (item) => link(item, item.sku, {}) },
  { field: "name", sort: "name", content: (item) => link(item, item.name, { tabIndex: -1 }) },
  { field: "description", content: ({ description }) => (description ? textCell(description) : none()) },
  { field: "category", content: ({ category }) => (category ? textCell(NAMES_OF_CATEGORIES.get(category) ?? category) : none()) },
  { field: "price", sort: "price", content: (item) => (item.price ? price(item.price) : none()) },
  { field: "updated_at", sort: "updated_at", isNewestFirst: true, content: (item) => time(item.updated_at) },
];

const items = new WeakMap();

/** Returns the item that a row shows. */
export function itemOf(row) {
  return items.get(row);
}

/** Makes the row of an item. */
export function makeRow(item) {
  const row = h(
    "tr",
    { role: "row", "data-id": item.id },
    h("td", { role: "cell", className: "cell-select" }, h("input", { type: "checkbox" })),
    COLUMNS.map(({ field }) => h("td", { role: "cell", "data-field": field, tabIndex: -1 })),
  );
  showInRow(row, item);
  return row;
}

/** Shows an item in its row. A cell with `data-editing` is left alone: somebody types in it. */
export function showInRow(row, item) {
  items.set(row, item);
  const named = item.included?.category;
  if (named) NAMES_OF_CATEGORIES.set(named.slug, named.name);
  row.querySelector("input").ariaLabel = text.items.select(item.name);
  for (const { field, content } of COLUMNS) {
    const cell = row.querySelector(`[data-field="${field}"]`);
    if (!("editing" in cell.dataset)) cell.replaceChildren(content(item));
  }
}

/** Returns whether somebody edits a cell of a row. */
export function isEdited(row) {
  return row.querySelector("[data-editing]") !== null;
}

/** Makes a row that reserves the space of one that is loading. */
export function makeBlankRow() {
  const bar = () => h("span", { className: "blank" });
  return h("tr", { className: "blank-row", "aria-hidden": "true" }, h("td"), COLUMNS.map(({ field }) => h("td", { "data-field": field }, bar())));
}

/** Shows how long ago the items of these rows were changed, as time goes on. */
export function showAges(rows) {
  for (const row of rows) {
    const shown = row.querySelector("time");
    if (shown) shown.textContent = ago(shown.dateTime);
  }
}

function link(item, content, properties) {
  return h("a", { href: address(itemParameters(item)), title: content, ...properties }, content);
}

function textCell(content) {
  return h("span", { title: content }, content);
}

function time(at) {
  return h("time", { dateTime: at, title: moment(at) }, ago(at));
}

function none() {
  return h("span", { className: "none", "aria-label": text.items.none }, "–");
}
