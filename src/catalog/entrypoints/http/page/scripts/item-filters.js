// The filters beside the items: by category, price and attributes, with the numbers of items. On a small screen they are in a dialog.

import { onAddressChange } from "./address.js";
import { ApiError } from "./api.js";
import { categories } from "./categories.js";
import { openDialog } from "./dialogs.js";
import { debounced, h } from "./elements.js";
import { FacetCounts } from "./facet-counts.js";
import { attributeField, chosenFilters, clearFilters, narrowing } from "./filter-query.js";
import { fieldLabel } from "./filter-words.js";
import { afterFirstView } from "./first-view.js";
import { text } from "./text.js";

const SMALL = matchMedia("(max-width: 999px)");
const COUNT_DELAY = 250;
const NEWS_DELAY = 2000;
const OWN_FIELDS = ["category", "currency"];

/**
 * `<item-filters>` shows and changes the filters in the address. It counts by itself, after the rows: `showFacets` says that they are
 * there.
 */
export class ItemFilters extends HTMLElement {
  #counts = new FacetCounts();
  #facets = new Map();
  #tree = null;
  #groups = new Map();
  #chips = h("filter-chips", { hidden: true });
  #button = h("button", { type: "button", className: "filters-open", "aria-haspopup": "dialog", onclick: () => this.#open() });
  #category = h("category-filter");
  #price = h("price-filter");
  #attributes = h("div");
  #another = h("select", { "aria-label": text.filters.another, hidden: true, onchange: () => this.#want() });
  #panel = h(
    "div",
    { className: "filter-panel", "aria-busy": "true" },
    group(text.filters.category, this.#category),
    group(text.filters.price, this.#price),
    this.#attributes,
    this.#another,
  );
  #dialog = null;
  #watching;
  #counting;
  #counted = null;
  #newsTimer = null;
  #countSoon = debounced(COUNT_DELAY, () => this.#count());

  connectedCallback() {
    this.#watching = new AbortController();
    const { signal } = this.#watching;
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", text.filters.title);
    this.#button.textContent = text.filters.open(chosenFilters().length);
    this.replaceChildren(this.#button, this.#chips, this.#panel);
    onAddressChange(() => this.#follow(), signal);
    window.addEventListener("categories-changed", () => this.#show(), { signal });
    for (const news of ["catalog-change", "item-changed", "item-deleted", "feed-opened", "feed-restored"]) {
      window.addEventListener(news, () => this.#countLater(), { signal });
    }
    SMALL.addEventListener("change", () => this.#onSize(), { signal });
    this.tabIndex = 0; // it may scroll
    this.#chips.show(null);
    afterFirstView(() => this.#follow(), signal);
  }

  disconnectedCallback() {
    this.#watching.abort();
    this.#counting?.abort();
    clearTimeout(this.#newsTimer);
    this.#newsTimer = null;
    this.#dialog?.close();
  }

  /** Counts again, if filters or search have changed. To be called when the rows have arrived. */
  showFacets() {
    this.#count();
  }

  #follow() {
    this.#show();
    this.#countSoon();
  }

  /** Shows what is chosen, with the counts that are known. */
  async #show() {
    this.#button.textContent = text.filters.open(chosenFilters().length);
    this.#chips.show(this.#tree);
    this.#price.show(this.#facets.get("currency"));
    this.#showAttributes();
    try {
      this.#tree = await categories();
    } catch (error) {
      failUnlessApi(error); // the list says what is wrong
      return;
    }
    this.#chips.show(this.#tree);
    this.#category.show(this.#tree, this.#facets.get("category"));
  }

  #showAttributes() {
    const fields = [...this.#facets.keys()].filter((field) => !OWN_FIELDS.includes(field));
    for (const field of fields) {
      if (!this.#groups.has(field)) this.#groups.set(field, h("facet-group", { field }));
    }
    const groups = fields.map((field) => this.#groups.get(field));
    if (groups.length !== this.#attributes.childElementCount || groups.some((each, index) => each !== this.#attributes.children[index])) {
      this.#attributes.replaceChildren(...groups);
    }
    for (const field of fields) this.#groups.get(field).show(this.#facets.get(field));
    const others = this.#counts.others;
    const options = others.map((name) => h("option", { value: name }, fieldLabel(attributeField(name))));
    this.#another.replaceChildren(h("option", { value: "" }, text.filters.another), ...options);
    this.#another.hidden = !others.length;
  }

  /** Shows one more attribute. */
  #want() {
    this.#counts.want(this.#another.value);
    this.#count({ again: true });
  }

  async #count({ again = false } = {}) {
    const query = narrowing().toString();
    if (query === this.#counted && !again) return;
    this.#counted = query;
    this.#counting?.abort();
    this.#counting = new AbortController();
    const { signal } = this.#counting;
    try {
      this.#facets = await this.#counts.count(signal);
      await this.#show();
    } catch (error) {
      failUnlessApi(error);
      if (signal.aborted) return;
      this.#counted = null;
      const fault = error.errors?.find(({ parameter }) => parameter?.startsWith("price"));
      if (fault) this.#price.fail(fault.detail);
    }
    this.#panel.removeAttribute("aria-busy");
  }

  /** Counts again soon, after what changed items; many changes at once are one reason. */
  #countLater() {
    this.#newsTimer ??= setTimeout(() => {
      this.#newsTimer = null;
      this.#count({ again: true });
    }, NEWS_DELAY);
  }

  #open() {
    const done = h("button", { type: "button", className: "primary", onclick: () => this.#dialog.close() }, text.filters.show);
    const clear = h("button", { type: "button", onclick: clearFilters }, text.filters.clear);
    const content = h("div", {}, this.#panel, h("footer", { className: "dialog-foot" }, clear, done));
    this.#dialog = openDialog(text.filters.title, content, {
      className: "filter-dialog",
      onclose: () => {
        this.#dialog = null;
        this.append(this.#panel);
      },
    });
  }

  #onSize() {
    if (!SMALL.matches) this.#dialog?.close();
  }
}

function group(label, content) {
  const name = h("span", { className: "filter-name" }, label);
  return h("details", { className: "filter-group", open: true }, h("summary", {}, name), content);
}

function failUnlessApi(error) {
  if (!(error instanceof ApiError) && error.name !== "AbortError") throw error;
}

customElements.define("item-filters", ItemFilters);
