// The search box above the items.

import { onAddressChange, parameter } from "./address.js";
import { debounced, h } from "./elements.js";
import { list } from "./item-query.js";
import { text } from "./text.js";

const PAUSE = 200;

/** `<item-search>` searches as somebody types. `/` goes to it from anywhere on the page, Escape clears it. */
export class ItemSearch extends HTMLElement {
  #input = h("input", {
    type: "search",
    className: "item-search-input",
    placeholder: text.items.searchHint,
    "aria-label": text.items.search,
    "aria-keyshortcuts": "/",
    autocomplete: "off",
    spellcheck: false,
    maxLength: 200,
    oninput: () => this.#searchSoon(),
    onkeydown: (event) => this.#onKey(event),
    onblur: () => {
      this.#isTyping = false;
    },
  });
  #isTyping = false;
  #isSearching = false;
  #watching;
  #searchSoon = debounced(PAUSE, () => this.#search());

  connectedCallback() {
    this.#watching = new AbortController();
    const { signal } = this.#watching;
    this.replaceChildren(this.#input, h("kbd", { "aria-hidden": "true" }, "/"));
    this.#follow();
    onAddressChange(() => this.#follow(), signal);
    document.addEventListener("keydown", (event) => this.#onPageKey(event), { signal });
  }

  disconnectedCallback() {
    this.#watching.abort();
  }

  /** Searches for what is in the box. The letters of one search are one entry in the history. */
  #search() {
    const q = this.#input.value.trim();
    if (!this.isConnected || q === parameter("q")) return;
    this.#isSearching = true;
    list({ q }, { replace: this.#isTyping });
    this.#isSearching = false;
    this.#isTyping = true;
  }

  /** Shows the search of the address, unless it comes from here: there may be more letters by now. */
  #follow() {
    if (!this.#isSearching && this.#input.value.trim() !== parameter("q")) this.#input.value = parameter("q");
  }

  #onKey(event) {
    if (event.key === "Enter") {
      this.#search();
      this.#isTyping = false;
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.#input.value = "";
      this.#search();
    }
  }

  #onPageKey(event) {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    this.#input.select();
    this.#input.focus();
  }
}

customElements.define("item-search", ItemSearch);
