// The items: search, filters, the table, and what can be done with them.

import { h } from "./elements.js";
import { isFiltered } from "./item-query.js";
import { followChanges } from "./live-feed.js";
import { askRest } from "./load-rest.js";
import { may } from "./session.js";
import { text } from "./text.js";

const FEED_DELAY = 1000; // the first view goes first; what happens meanwhile is not missed

/** `<items-view>` lays the parts out. Some come to life only when the rest of the page is loaded; their space is reserved. */
export class ItemsView extends HTMLElement {
  #table = h("item-table");
  #pager = h("item-pager");
  #filters = h("item-filters");
  #begin = null;
  #body = h(
    "div",
    { className: "items-body" },
    this.#filters,
    h(
      "section",
      { className: "items-main", "aria-label": text.views.items },
      h("selection-bar", { hidden: true }),
      this.#table,
      h("footer", { className: "items-foot" }, this.#pager, h("live-status")),
    ),
  );

  connectedCallback() {
    const create = () => askRest("item-form-wanted");
    this.replaceChildren(
      h("h1", { className: "visually-hidden" }, text.views.items),
      h(
        "div",
        { className: "items-bar" },
        h("item-search"),
        h(
          "div",
          { className: "items-actions" },
          h("export-menu"),
          may("items:create") && h("button", { type: "button", className: "primary", onclick: create }, text.items.create),
        ),
      ),
      this.#body,
      h("developer-panel"),
      h("item-drawer"),
      h("inline-editing"),
    );
    this.#table.addEventListener("page-shown", ({ detail }) => this.#onPage(detail));
  }

  #onPage(page) {
    this.#pager.show(page);
    if (!page) return;
    this.#filters.showFacets?.();
    this.#showBegin(page.count === 0 && !isFiltered());
    setTimeout(followChanges, FEED_DELAY);
  }

  /** An empty catalog offers ways to begin instead of a table. */
  #showBegin(isEmpty) {
    if (isEmpty) this.#begin ??= h("begin-panel");
    if (!this.#begin) return;
    if (isEmpty) this.#body.before(this.#begin);
    else this.#begin.remove();
    this.#body.hidden = isEmpty;
    this.querySelector(".items-bar").hidden = isEmpty;
  }
}

customElements.define("items-view", ItemsView);
