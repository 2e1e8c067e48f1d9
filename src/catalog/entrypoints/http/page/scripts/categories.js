// The categories: read once for the whole page, and changed so that nobody's change is overwritten.

import { ApiError, request, segment } from "./api.js";
import { text } from "./text.js";

const GAP = 16;
const NEWS_DELAY = 1000;

let loaded = null;
let newsTimer = null;

/**
 * Returns the tree: `roots` in order, and `bySlug`, a Map of all. Each category is as the service describes it, with `children`,
 * `item_count` and its `level` from 1. Throws ApiError.
 */
export function categories() {
  loaded ??= read().catch((error) => {
    loaded = null;
    throw error;
  });
  return loaded;
}

/** Reads the tree again and announces `categories-changed`. Throws ApiError. */
export async function reloadCategories() {
  const tree = await read();
  loaded = Promise.resolve(tree);
  window.dispatchEvent(new CustomEvent("categories-changed", { detail: tree }));
  return tree;
}

/** Returns the categories from the root to this one; none if there is no such category. */
export function pathTo(tree, slug) {
  const category = tree.bySlug.get(slug);
  return category ? [...pathTo(tree, category.parent), category] : [];
}

/** Returns the children of a category in order, or the roots for null. */
export function childrenOf(tree, slug) {
  return slug ? (tree.bySlug.get(slug)?.children ?? []) : tree.roots;
}

/** Creates a category and returns it. Throws ApiError. */
export async function createCategory(fields) {
  const { data } = await request("POST", "/categories", { json: fields });
  await refresh();
  return data;
}

/** Renames a category, unless it was changed since it was read. Throws ApiError, with the code `stale_version` in that case. */
export async function renameCategory(category, name) {
  await revise(category, { name });
  await refresh();
}

/**
 * Returns where a step by an arrow key puts a category, `{parent, before}`: up or down among its siblings, into the one before it, or
 * out of its parent. Null if there is no such place.
 */
export function stepOf(tree, category, key) {
  const { parent } = category;
  const siblings = childrenOf(tree, parent);
  const index = siblings.indexOf(category);
  const previous = siblings[index - 1];
  if (key === "ArrowUp") return previous ? { parent, before: previous.slug } : null;
  if (key === "ArrowDown") return siblings[index + 1] ? { parent, before: slugAt(siblings, index + 2) } : null;
  if (key === "ArrowRight") return previous ? { parent: previous.slug, before: null } : null;
  if (!parent) return null;
  const grandparent = tree.bySlug.get(parent).parent;
  const uncles = childrenOf(tree, grandparent);
  return { parent: grandparent, before: slugAt(uncles, uncles.findIndex(({ slug }) => slug === parent) + 1) };
}

/** Returns the slug of the sibling after a category, or null if it is the last. */
export function nextSibling(tree, category) {
  const siblings = childrenOf(tree, category.parent);
  return slugAt(siblings, siblings.indexOf(category) + 1);
}

/**
 * Moves a category below a parent (null for none), before one of its children or, if `before` is null, after all. Throws ApiError,
 * with the code `stale_version` if the category was changed since it was read.
 */
export async function placeCategory(tree, category, parent, before) {
  try {
    for (const [each, patch] of placement(tree, category, parent, before)) await revise(each, patch);
  } finally {
    await refresh();
  }
}

/** Deletes a category. What is in it moves to another; the slug of that may be null if it is empty. Throws ApiError. */
export async function deleteCategory(category, moveTo) {
  const etag = await etagOf(category);
  await request("DELETE", path(category), { etag, query: { move_to: moveTo } });
  await refresh();
}

/**
 * Returns the changes that put a category in its place, in the order in which they should be made. Siblings are ordered by position,
 * then by slug; if there is no position between two, those after them are moved on, with gaps so that it is not needed again soon.
 */
function placement(tree, category, parent, before) {
  const siblings = childrenOf(tree, parent).filter((each) => each !== category);
  const index = before ? siblings.findIndex((each) => each.slug === before) : siblings.length;
  const followers = siblings.slice(index);
  const previous = siblings[index - 1];
  const position = previous ? previous.position + (previous.slug < category.slug ? 0 : 1) : 0;
  const changes = [];
  let last = { position, slug: category.slug };
  for (const each of followers) {
    if (last.position < each.position || (last.position === each.position && last.slug < each.slug)) break;
    last = { position: last.position + GAP, slug: each.slug };
    changes.unshift([each, { position: last.position }]);
  }
  changes.push([category, category.parent === parent ? { position } : { parent, position }]);
  return changes;
}

function slugAt(siblings, index) {
  return siblings[index]?.slug ?? null;
}

async function revise(category, patch) {
  const etag = await etagOf(category);
  await request("PATCH", path(category), { json: patch, etag });
}

/** Returns the ETag of a category as it was read. The tree has no ETags, so it is read again, and refused if it changed. */
async function etagOf(category) {
  const { data, etag } = await request("GET", path(category));
  if (data.version !== category.version) throw new ApiError(412, { code: "stale_version", detail: text.categories.changed, theirs: data });
  return etag;
}

function path(category) {
  return `/categories/${segment(category.slug)}`;
}

async function read() {
  const { data } = await request("GET", "/categories", { query: { as: "tree", counts: true } });
  const bySlug = new Map();
  const add = (category, level) => {
    category.level = level;
    category.item_count ??= 0;
    bySlug.set(category.slug, category);
    for (const child of category.children) add(child, level + 1);
  };
  for (const root of data.categories) add(root, 1);
  return { roots: data.categories, bySlug };
}

/** Reads the tree again. If that fails, whoever shows it shows the old one; the page says that the service is away. */
async function refresh() {
  await reloadCategories().catch((error) => {
    if (!(error instanceof ApiError)) throw error;
  });
}

/** Reads the tree again soon, after what changed it or its counts; many changes at once are one reason. */
function refreshSoon() {
  if (!loaded || newsTimer) return;
  newsTimer = setTimeout(() => {
    newsTimer = null;
    refresh();
  }, NEWS_DELAY);
}

for (const news of ["catalog-change", "item-changed", "item-deleted", "feed-opened", "feed-restored"]) {
  window.addEventListener(news, refreshSoon);
}
