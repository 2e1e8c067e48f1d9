// Choosing a category: all of the tree, indented by level.

import { categories } from "./categories.js";
import { h } from "./elements.js";
import { text } from "./text.js";

const INDENT = "\u2003";

/** Returns a `<select>` of all categories and of none, with one of them chosen. It is filled when the tree is there. */
export function categorySelect(chosen, properties = {}) {
  const select = h("select", properties, h("option", { value: chosen ?? "" }, chosen ?? text.editing.noCategory));
  categories().then(
    (tree) => {
      const { value } = select;
      const option = (each) => h("option", { value: each.slug }, INDENT.repeat(each.level - 1) + each.name);
      select.replaceChildren(h("option", { value: "" }, text.editing.noCategory), ...[...tree.bySlug.values()].map(option));
      select.value = value;
    },
    () => {}, // the select keeps the category that the item has
  );
  return select;
// Categories as choices: each with the path to it, so that two of the same name are told apart.

import { request } from "./api.js";
import { h } from "./elements.js";
import { text } from "./text.js";

const SEPARATOR = " › ";

const paths = new Map();

/** Reads the category tree, for `fillCategories` and `categoryPath`. Throws ApiError. */
export async function loadCategories() {
  const { categories } = (await request("GET", "/categories")).data;
  paths.clear();
  // Parents come before their children.
  for (const { slug, name, parent } of categories) paths.set(slug, paths.has(parent) ? paths.get(parent) + SEPARATOR + name : name);
}

/** Returns the names of a category and its ancestors, or its slug if it is not known. */
export function categoryPath(slug) {
  return paths.get(slug) ?? slug;
}

/** Makes the categories the options of a `<select>`, and selects one; null for none. */
export function fillCategories(select, slug) {
  const known = slug && !paths.has(slug) ? [[slug, slug], ...paths] : [...paths];
  select.replaceChildren(h("option", { value: "" }, text.drawer.noCategory), ...known.map(([value, path]) => h("option", { value }, path)));
  select.value = slug ?? "";
}
