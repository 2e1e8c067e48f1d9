// How many items have which values, among those that search and filters leave.

import { request } from "./api.js";
import { attributeField, chosenFilters, isAttribute, narrowing } from "./filter-query.js";

const SAMPLE = 50;
const FACETS_OF_A_REQUEST = 10;
const SHOWN_ATTRIBUTES = 8;

/** Knows the attributes that items have, and counts their values. */
export class FacetCounts {
  #known = new Map();
  #wanted = new Set();

  /** Adds an attribute to those that are counted. */
  want(name) {
    this.#wanted.add(name);
  }

  /** Returns the names of known attributes that are not counted, in order. */
  get others() {
    const counted = this.#counted();
    return [...this.#known.keys()].filter((name) => !counted.includes(attributeField(name))).sort();
  }

  /**
   * Returns a Map of facets by field: `category`, `currency` and attributes, in the order in which they should be shown. The values of
   * a field are counted without its own filter, so that others can be added to it. Throws ApiError, and AbortError.
   */
  async count(signal) {
    const isFiltered = (field) => narrowing().toString() !== narrowing(...dependents(field)).toString();
    const facets = new Map();
    const ask = async (fields, without, sample) => {
      const query = narrowing(...without);
      query.set("facet", fields.join(","));
      query.set("limit", sample ? SAMPLE : 1);
      query.set("fields", sample ? "attributes" : "sku");
      const { data } = await request("GET", "/items", { query, signal });
      for (const [field, facet] of Object.entries(data.facets ?? {})) facets.set(field, facet);
      if (sample) this.#learn(data.items);
    };
    const asked = new Set();
    const askAll = (fields, sample) => {
      const free = fields.filter((field) => !isFiltered(field));
      const own = fields.filter(isFiltered);
      for (const field of fields) asked.add(field);
      const requests = own.map((field) => ask([field], dependents(field), false));
      const first = sample ? Math.max(free.length, 1) : free.length;
      for (let index = 0; index < first; index += FACETS_OF_A_REQUEST) {
        requests.push(ask(free.slice(index, index + FACETS_OF_A_REQUEST), [], sample && index === 0));
      }
      return Promise.all(requests);
    };
    await askAll(["category", "currency", ...this.#counted()], true);
    await askAll(this.#counted().filter((field) => !asked.has(field)), false);
    const order = ["category", "currency", ...this.#counted().sort()];
    return new Map(order.map((field) => [field, facets.get(field) ?? null]));
  }

  /** Returns the fields of the attributes that are counted: those of filters, those asked for, and the most frequent ones. */
  #counted() {
    const filtered = chosenFilters().map(({ field }) => field);
    const frequent = [...this.#known].sort((one, other) => other[1] - one[1]).slice(0, SHOWN_ATTRIBUTES);
    const names = [...frequent.map(([name]) => name), ...this.#wanted].map(attributeField);
    return [...new Set([...names, ...filtered.filter(isAttribute)])];
  }

  /** Learns the names of attributes from some items. Those of the items that are listed now come first. */
  #learn(items) {
    for (const name of this.#known.keys()) this.#known.set(name, 0);
    for (const { attributes } of items) {
      for (const name of Object.keys(attributes ?? {})) this.#known.set(name, (this.#known.get(name) ?? 0) + 1);
    }
  }
}

/** Returns the fields whose filters say nothing without the filter of a field, and the field itself. */
function dependents(field) {
  return field === "currency" ? ["currency", "price"] : [field];
}
