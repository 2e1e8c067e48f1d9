// Filters by category: a tree with the numbers of items that the other filters leave.

import { h } from "./elements.js";
import { chosenBound, chosenValues, filterBy, filterByValues, narrowing } from "./filter-query.js";
import { text } from "./text.js";

const SEEKS_FROM = 20;

/** `<category-filter>` */
export class CategoryFilter extends HTMLElement {
  #tree = h("category-tree", { "aria-label": text.filters.category, "aria-multiselectable": "true" });
  #seek = h("input", { type: "search", placeholder: text.categories.seek, "aria-label": text.categories.seek, hidden: true });
  #hint = h("p", { className: "field-hint", role: "status" });
  #none = h("input", { type: "checkbox", onchange: () => chooseNone(this.#none.checked) });

  connectedCallback() {
    if (this.firstChild) return;
    const none = h("label", { className: "facet-value" }, this.#none, h("span", { className: "facet-label" }, text.filters.noCategory));
    this.append(this.#seek, this.#hint, this.#tree, none);
    this.#seek.addEventListener("input", () => {
      this.#hint.textContent = this.#tree.seek(this.#seek.value) ? "" : text.categories.notFound;
    });
    this.#tree.addEventListener("category-chosen", (event) => choose(event.detail));
  }

  /** Shows the categories (categories.js), and the numbers of a facet; null if it could not be counted. */
  show(tree, facet) {
    this.#none.checked = chosenBound("category", "exists") === "false";
    this.#seek.hidden = tree.bySlug.size < SEEKS_FROM;
    this.#tree.hidden = !tree.bySlug.size;
    if (!tree.bySlug.size) this.#hint.textContent = text.filters.noCategories;
    else if (this.#hint.textContent === text.filters.noCategories) this.#hint.textContent = "";
    this.#tree.show(tree, { counts: countsOf(tree, facet), selected: chosenValues("category") });
  }
}

function chooseNone(isChosen) {
  filterBy({ category: null, category__in: null, category__exists: isChosen ? "false" : null });
}

function choose({ slug, add }) {
  const chosen = chosenValues("category");
  const isChosen = chosen.includes(slug);
  if (add) filterByValues("category", isChosen ? chosen.filter((each) => each !== slug) : [...chosen, slug]);
  else filterByValues("category", isChosen && chosen.length === 1 ? [] : [slug]);
}

/**
 * Returns the number of items in each category and those below it, or null for those of the whole catalog. A facet that lacks values
 * cannot be added up: then no numbers are better than wrong ones.
 */
function countsOf(tree, facet) {
  if (!narrowing("category").toString()) return null;
  const counts = new Map();
  if (!facet || facet.truncated) return counts;
  for (const slug of tree.bySlug.keys()) counts.set(slug, 0);
  for (const { value, count } of facet.values) {
    for (let each = tree.bySlug.get(value); each; each = tree.bySlug.get(each.parent)) counts.set(each.slug, counts.get(each.slug) + count);
  }
  return counts;
}

customElements.define("category-filter", CategoryFilter);
