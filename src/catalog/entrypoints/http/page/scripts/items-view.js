// The items: search, filters, the table, and what can be done with them.

import { h } from "./elements.js";

/** `<items-view>` */
export class ItemsView extends HTMLElement {
  connectedCallback() {
    this.replaceChildren(h("developer-panel"), h("item-drawer"));
  }
}

customElements.define("items-view", ItemsView);
