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
}
