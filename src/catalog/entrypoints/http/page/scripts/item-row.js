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
  { field: "category", content: ({ category }) => plain(NAMES_OF_CATEGORIES.get(category) ?? category) },
  { field: "price", sort: "price", content: (item) => plain(price(item.price)) },
  { field: "updated_at", sort: "updated_at", isNewestFirst: true, content: (item) => time(item.updated_at) },
];

const items = new WeakMap();

/** Returns the item that a row shows. */
export function itemOf(row) {
  return items.get(row);
}

const BLANK = h(
  "tr",
  { role: "row" },
  h("td", { role: "cell", className: "cell-select" }, h("input", { type: "checkbox" })),
  COLUMNS.map(({ field }) => h("td", { role: "cell", "data-field": field })),
);

/** Makes the row of an item. */
export function makeRow(item) {
  const row = BLANK.cloneNode(true);
  row.dataset.id = item.id;
  showInRow(row, item);
  return row;
}

/** Shows an item in its row. A cell with `data-editing` is left alone: somebody types in it. So are those that stay as they are. */
export function showInRow(row, item) {
  items.set(row, item);
  const named = item.included?.category;
  if (named) NAMES_OF_CATEGORIES.set(named.slug, named.name);
  row.querySelector("input").ariaLabel = text.items.select(item.name);
  for (const [index, { content }] of COLUMNS.entries()) {
    const cell = row.cells[index + 1];
    const next = content(item);
    if ("editing" in cell.dataset || cell.firstChild?.isEqualNode(next)) continue;
    const isFocused = cell.contains(document.activeElement);
    cell.replaceChildren(next);
    if (isFocused) next.focus();
  }
}

/** Shows that the item of a row was deleted, or that it is back. */
export function setGone(row, isGone) {
  row.classList.toggle("is-gone", isGone);
  row.querySelector("input").disabled = isGone;
}

/** Returns whether somebody edits a cell of a row. */
export function isEdited(row) {
  return row.querySelector("[data-editing]") !== null;
}

/** Makes a row that reserves the space of one that is loading. */
export function makeBlankRow() {
  const cells = COLUMNS.map(({ field }) => h("td", { "data-field": field }, h("span", { className: "blank" })));
  return h("tr", { className: "blank-row", "aria-hidden": "true" }, h("td"), cells);
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

function plain(content) {
  return content ? h("span", { title: content }, content) : h("span", { className: "none", "aria-hidden": "true" }, "–");
}

function time(at) {
  return h("time", { dateTime: at, title: moment(at) }, ago(at));
}
