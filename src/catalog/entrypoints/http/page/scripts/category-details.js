// What is known about a category, and what can be done with it.

import { address } from "./address.js";
import { pathTo } from "./categories.js";
import { h } from "./elements.js";
import { may } from "./session.js";
import { text } from "./text.js";

const WORDS = text.categories;

/**
 * Returns the details of a category of a tree; a hint if it is undefined. `actions` has what the buttons do: `create`, `rename`, `move`
 * and `remove`.
 */
export function categoryDetails(tree, category, actions) {
  const mayChange = may("items:write");
  const keys = mayChange && h("div", { className: "category-keys" }, WORDS.keys.map(keyHint), h("p", {}, WORDS.dragHint));
  if (!category) return h("div", { className: "category-card" }, h("p", { className: "field-hint" }, WORDS.hint), keys);
  const path = pathTo(tree, category.parent).map(({ name }) => name);
  const button = (label, run, className = "") => h("button", { type: "button", className, onclick: run }, label);
  return h(
    "div",
    { className: "category-card" },
    path.length > 0 && h("p", { className: "category-path" }, path.join(" › ")),
    h("h2", { className: "category-title" }, category.name),
    h(
      "p",
      { className: "category-facts" },
      category.item_count
        ? h("a", { href: address({ category: category.slug }) }, WORDS.items(category.item_count))
        : h("span", {}, text.numbers.items(0)),
      h("span", {}, WORDS.subcategories(category.children.length)),
      h("code", { title: WORDS.slug }, category.slug),
    ),
    mayChange &&
      h(
        "div",
        { className: "category-actions" },
        button(WORDS.rename, actions.rename),
        button(WORDS.move, actions.move),
        button(WORDS.createHere, actions.create),
        button(WORDS.remove, actions.remove, "category-remove"),
      ),
    keys,
  );
}

function keyHint([key, effect]) {
  return h("p", {}, h("kbd", {}, key), " ", effect);
}
