// Categories as choices: each with the path to it, so that two of the same name are told apart.

import { categories, pathTo, reloadCategories } from "./categories.js";
import { h } from "./elements.js";
import { text } from "./text.js";

const SEPARATOR = " › ";

const paths = new Map();

/** Reads the category tree, for `fillCategories` and `categoryPath`. Throws ApiError. */
export async function loadCategories() {
  const tree = await categories();
  paths.clear();
  for (const slug of tree.bySlug.keys()) {
    const names = pathTo(tree, slug).map(({ name }) => name);
    paths.set(slug, names.join(SEPARATOR));
  }
}

/** Returns the names of a category and its ancestors, or its slug if it is not known. */
export function categoryPath(slug) {
  return paths.get(slug) ?? slug;
}

/** Makes the categories the options of a `<select>`, and selects one; null for none. */
export function fillCategories(select, slug) {
  const known = slug && !paths.has(slug) ? [[slug, slug], ...paths] : [...paths];
  select.replaceChildren(h("option", { value: "" }, text.editing.noCategory), ...known.map(([value, path]) => h("option", { value }, path)));
  select.value = slug ?? "";
}

/** Returns a `<select>` of all categories and of none, with one of them selected. */
export function categorySelect(slug, properties = {}) {
  const select = h("select", properties);
  fillCategories(select, slug);
  const fill = () => fillCategories(select, select.value || null);
  loadCategories()
    .then(fill)
    .then(reloadCategories) // there may be newer ones
    .then(loadCategories)
    .then(fill)
    .catch(() => {}); // it goes on with the categories that were read before
  return select;
}
