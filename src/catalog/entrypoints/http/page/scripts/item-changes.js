// Changes of items. Each says which version it was made on, so that nobody's change is overwritten, and tells the page.

import { request, segment } from "./api.js";

/** Returns the ETag of an item as it was read: the row and its version. */
export function etagOf(item) {
  return `"${item.id.replaceAll("-", "")}.${item.version}"`;
}

/** Creates an item and returns it. Throws ApiError. */
export async function createItem(fields) {
  return announce("item-changed", (await request("POST", "/items", { json: fields, exact: true })).data);
}

/**
 * Changes fields of an item by a merge patch, unless it was changed since it was read, and returns it as it is then. Throws
 * ApiError, with the code `stale_version` in that case.
 */
export async function updateItem(item, patch) {
  return announce("item-changed", (await request("PATCH", path(item), { json: patch, etag: etagOf(item), exact: true })).data);
}

/** Returns an item as it is now. Throws ApiError. */
export async function readItem(key) {
  return (await request("GET", `/items/${segment(key)}`, { exact: true })).data;
}

/** Deletes an item, unless it was changed since it was read. Throws ApiError. */
export async function deleteItem(item) {
  await request("DELETE", path(item), { etag: etagOf(item) });
  announce("item-deleted", item);
}

/** Brings a deleted item back and returns it. Throws ApiError. */
export async function restoreItem(item) {
  return announce("item-changed", (await request("POST", `${path(item)}/restore`, { exact: true })).data);
}

/** Makes an item what it was in an earlier version, unless it was changed since it was read. Throws ApiError. */
export async function revertItem(item, version) {
  const options = { json: { version }, etag: etagOf(item), exact: true };
  return announce("item-changed", (await request("POST", `${path(item)}/revert`, options)).data);
}

function path(item) {
  return `/items/${item.id}`;
}

/** Tells the page of a change made here, before the live feed does. Returns the item. */
function announce(name, item) {
  window.dispatchEvent(new CustomEvent(name, { detail: item }));
  return item;
}
