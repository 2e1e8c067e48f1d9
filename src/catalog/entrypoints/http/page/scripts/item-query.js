// What the list of items shows, as the address says it: with the API's own names, so that it can be sent as it is.

import { change, go, parameter, parameters } from "./address.js";

const OF_THE_PAGE = ["view", "item"];
const OF_THE_SHAPE = ["sort", "limit", "cursor", "offset"];

/** The numbers of rows that a page may have. */
export const PAGE_SIZES = [25, 50, 100, 200];

const DEFAULT_SIZE = 50;

/** Returns the query of the list: the address without what only the page understands. */
export function listQuery() {
  const query = parameters();
  for (const name of OF_THE_PAGE) query.delete(name);
  return query;
}

/** Returns whether the list is narrowed by a search or filters. */
export function isFiltered() {
  return [...listQuery()].some(([name, value]) => value && !OF_THE_SHAPE.includes(name));
}

/** Removes search and filters. Order and size of the page stay, unless `kept` has other parameters. */
export function showAll(kept = ["sort", "limit"]) {
  const next = parameters();
  for (const name of [...next.keys()]) {
    if (!OF_THE_PAGE.includes(name) && !kept.includes(name)) next.delete(name);
  }
  go(next);
}

/** Changes what is listed, and starts at the first page again. */
export function list(changes, options) {
  change({ cursor: null, offset: null, ...changes }, options);
}

/** Returns the number of rows of a page. */
export function pageSize() {
  const size = Number(parameter("limit"));
  return Number.isInteger(size) && size > 0 ? Math.min(size, PAGE_SIZES.at(-1)) : DEFAULT_SIZE;
}

/** Returns by which field the list is sorted first, and in which direction; null if by none. */
export function sorting() {
  const [first] = parameter("sort").split(",");
  if (!first) return null;
  return first.startsWith("-") ? { field: first.slice(1), direction: "descending" } : { field: first, direction: "ascending" };
}

/** Sorts by a field; if it is sorted by it, in the other direction; and after that, as without an order. */
export function sortBy(field, isNewestFirst) {
  const orders = isNewestFirst ? [`-${field}`, field, null] : [field, `-${field}`, null];
  list({ sort: orders[(orders.indexOf(parameter("sort")) + 1) % orders.length] });
}

/** Returns the address of an item's drawer. */
export function itemParameters(item) {
  const next = parameters();
  next.set("item", item.sku);
  return next;
}
