// The chosen filters, each with a way to remove it.

import { h } from "./elements.js";
import { chosenFilters, clearFilters, removeFilter } from "./filter-query.js";
import { filterLabel } from "./filter-words.js";
import { text } from "./text.js";

/** `<filter-chips>` shows the filters of the address when `show` is called. Without any, it takes no space. */
export class FilterChips extends HTMLElement {
  /** Shows them. `tree` has the names of categories, if it is known. */
  show(tree) {
    const chosen = chosenFilters();
    const index = [...this.querySelectorAll("button")].indexOf(document.activeElement);
    this.hidden = !chosen.length;
    const chips = chosen.map((filter) => chip(filter, filterLabel(filter, tree)));
    const clear = h("button", { type: "button", className: "link-button", onclick: clearFilters }, text.filters.clear);
    this.replaceChildren(h("ul", { className: "chips", "aria-label": text.filters.chosen }, chips, h("li", {}, clear)));
    if (index < 0) return;
    // Who removes one by the keyboard goes on with the next one, or with what is beside the chips.
    const next = chosen.length ? this.querySelectorAll("button")[Math.min(index, chosen.length)] : this.#neighbour();
    next?.focus();
  }

  #neighbour() {
    return [...this.parentElement.querySelectorAll(":scope > button, summary")].find((each) => each.checkVisibility());
  }
}

function chip(filter, label) {
  const properties = { type: "button", className: "chip", title: label, "aria-label": text.filters.remove(label) };
  return h(
    "li",
    {},
    h(
      "button",
      { ...properties, onclick: () => removeFilter(filter) },
      h("span", { className: "chip-label" }, label),
      h("span", { className: "chip-cross", "aria-hidden": "true" }, "×"),
    ),
  );
}

customElements.define("filter-chips", FilterChips);
