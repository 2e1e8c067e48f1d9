// Filters by price. Prices of different currencies are not compared, so bounds need one.

import { h } from "./elements.js";
import { count } from "./format.js";
import { chosenBound, filterBy } from "./filter-query.js";
import { rangeFilter } from "./range-filter.js";
import { text } from "./text.js";

/** `<price-filter>` has a currency, with the numbers of items, and two bounds. */
export class PriceFilter extends HTMLElement {
  #currency = h("select", { "aria-label": text.filters.currency, onchange: () => this.#choose() });
  #range = rangeFilter("price", text.filters.price, { isAmount: true, others: () => ({ currency: this.#usual() }) });
  #facet = null;

  connectedCallback() {
    this.replaceChildren(this.#currency, this.#range);
  }

  /** Shows the currencies of a facet, or those known if it is null, and the bounds of the address. */
  show(facet) {
    this.#facet = facet ?? this.#facet;
    const chosen = chosenBound("currency", "eq").toUpperCase();
    const values = this.#facet?.values ?? [];
    const known = values.some(({ value }) => value === chosen) || !chosen ? values : [...values, { value: chosen, count: 0 }];
    const all = values.reduce((sum, each) => sum + each.count, 0);
    const options = known.map(({ value, count: number }) => h("option", { value }, `${value} (${count(number)})`));
    this.#currency.replaceChildren(h("option", { value: "" }, text.filters.anyCurrency(all)), ...options);
    this.#currency.value = chosen;
    this.#range.show();
  }

  /** Says what the service finds wrong with the bounds. */
  fail(message) {
    this.#range.fail(message);
  }

  #choose() {
    const none = this.#currency.value ? {} : { price__gte: null, price__lte: null, price_min: null, price_max: null };
    filterBy({ currency: this.#currency.value, currency__in: null, ...none });
  }

  /** Returns the currency that bounds are in: the chosen one, or the most frequent one. */
  #usual() {
    return this.#currency.value || this.#facet?.values[0]?.value || "EUR";
  }
}

customElements.define("price-filter", PriceFilter);
