// The values of an attribute as boxes to check, with the numbers of items; a range for numbers that differ much.

import { h } from "./elements.js";
import { attributeName, chosenBound, chosenValues, filterByValues, operandOf, valueOf } from "./filter-query.js";
import { fieldLabel, valueLabel } from "./filter-words.js";
import { count } from "./format.js";
import { rangeFilter } from "./range-filter.js";
import { text } from "./text.js";

const SHOWN = 6;
const CUT = 200;

/** `<facet-group>` filters by one attribute, that of its property `field`. */
export class FacetGroup extends HTMLElement {
  field;
  #list = h("ul", { className: "facet-values" });
  #more = h("button", { type: "button", className: "link-button facet-more", onclick: () => this.#showMore() });
  #note = h("p", { className: "field-hint" });
  #chosen = h("span", { className: "facet-chosen" });
  #range;
  #rows = new Map();
  #facet = null;
  #isLong = false;

  connectedCallback() {
    if (this.firstChild) return;
    const label = fieldLabel(this.field);
    this.#range = rangeFilter(this.field, label);
    this.append(
      h(
        "details",
        { className: "filter-group", open: true },
        h("summary", { title: attributeName(this.field) }, h("span", { className: "filter-name" }, label), this.#chosen),
        h("div", { role: "group", "aria-label": label }, this.#range, this.#list, this.#more, this.#note),
      ),
    );
    this.#list.addEventListener("change", () => this.#apply());
  }

  /** Shows a facet; null if its values could not be counted in time. */
  show(facet) {
    this.#facet = facet;
    const chosen = new Set(chosenValues(this.field));
    const counted = (facet?.values ?? []).filter(({ value }) => !(value.length >= CUT)); // longer text is cut, and equals nothing
    const numbers = new Map(counted.map(({ value, count: number }) => [operandOf(value), number]));
    const isRange = chosenBound(this.field, "gte") || chosenBound(this.field, "lte") || areManyNumbers(facet);
    this.#range.hidden = !isRange;
    this.#range.show();
    const operands = [...new Set([...(isRange ? [] : numbers.keys()), ...chosen])];
    // The chosen ones are always to be seen.
    const isFolded = !this.#isLong && operands.length > SHOWN + 1;
    const shown = isFolded ? operands.filter((each, index) => index < SHOWN || chosen.has(each)) : operands;
    const focused = document.activeElement?.closest("facet-group") === this ? document.activeElement : null;
    const rows = shown.map((operand) => this.#row(operand, chosen.has(operand), numbers.get(operand)));
    if (rows.some((row, index) => row !== this.#list.children[index]) || rows.length !== this.#list.childElementCount) {
      this.#list.replaceChildren(...rows);
      focused?.focus({ preventScroll: true });
    }
    this.#more.hidden = operands.length <= SHOWN + 1;
    this.#more.textContent = isFolded ? text.filters.more(operands.length - shown.length) : text.filters.fewer;
    this.#note.hidden = facet && (!facet.truncated || isRange || isFolded);
    this.#note.textContent = facet ? text.filters.truncated : text.filters.uncounted;
    const active = chosen.size + ["gte", "lte"].filter((bound) => chosenBound(this.field, bound)).length;
    this.#chosen.textContent = active ? text.filters.chosenIn(active) : "";
    this.hidden = !active && facet?.values.length === 0;
  }

  #row(operand, isChosen, number) {
    if (!this.#rows.has(operand)) this.#rows.set(operand, newRow(operand));
    const row = this.#rows.get(operand);
    const [box, label, total] = row.firstChild.children;
    box.checked = isChosen;
    total.textContent = number === undefined ? "" : count(number);
    box.setAttribute("aria-label", number === undefined ? label.textContent : text.filters.value(label.textContent, number));
    return row;
  }

  #showMore() {
    this.#isLong = !this.#isLong;
    this.show(this.#facet);
  }

  #apply() {
    const shown = [...this.#list.querySelectorAll("input:checked")].map((box) => box.value);
    filterByValues(this.field, shown);
  }
}

function newRow(operand) {
  const label = valueLabel(valueOf(operand));
  return h(
    "li",
    {},
    h(
      "label",
      { className: "facet-value", title: label },
      h("input", { type: "checkbox", value: operand }),
      h("span", { className: "facet-label" }, label),
      h("span", { className: "facet-count" }),
    ),
  );
}

/** Returns whether a facet has so many numbers that a range is easier to choose. */
function areManyNumbers(facet) {
  return facet?.values.length > SHOWN && facet.values.every(({ value }) => typeof value === "number");
}

customElements.define("facet-group", FacetGroup);
