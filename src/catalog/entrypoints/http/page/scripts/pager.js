// Which part of the items is shown, and the way to the others.

import { parameter } from "./address.js";
import { h } from "./elements.js";
import { list, pageSize, PAGE_SIZES } from "./item-query.js";
import { text } from "./text.js";

const STARTS = new Map();

/** `<item-pager>` goes through the items page by page. */
export class ItemPager extends HTMLElement {
  #page = null;
  #label = h("p", { className: "pager-label", role: "status" });
  #first = pagerButton("«", text.pager.first, () => this.#go(null));
  #back = pagerButton("‹", text.pager.back, () => this.#go(this.#page?.prev_cursor));
  #next = pagerButton("›", text.pager.next, () => this.#go(this.#page?.next_cursor));
  #size = h("select", { "aria-label": text.pager.sizeLabel, onchange: () => list({ limit: this.#size.value }) });

  connectedCallback() {
    this.replaceChildren(
      h("div", { className: "pager-size" }, h("span", { "aria-hidden": "true" }, text.pager.size), this.#size),
      this.#label,
      h("nav", { className: "pager-buttons", "aria-label": text.pager.label }, this.#first, this.#back, this.#next),
    );
    this.show(null);
  }

  /** Shows the place of a page of the list in all of it; null if there is none. */
  show(page) {
    this.#page = page;
    this.#showSizes(pageSize());
    enable(this.#first, page?.prev_cursor);
    enable(this.#back, page?.prev_cursor);
    enable(this.#next, page?.next_cursor);
    const words = page ? this.#words(page) : "";
    if (this.#label.textContent !== words) this.#label.textContent = words;
  }

  #showSizes(chosen) {
    if (this.#size.value === String(chosen)) return;
    const sizes = [...new Set([...PAGE_SIZES, chosen])].sort((one, other) => one - other);
    this.#size.replaceChildren(...sizes.map((size) => h("option", { value: size, selected: size === chosen }, String(size))));
  }

  /** A cursor doesn't say how many items are before it, so the page remembers it. The start is not known in an address from others. */
  #words({ items, count, count_kind: kind, next_cursor: next, prev_cursor: previous }) {
    const cursor = parameter("cursor");
    const start = previous ? STARTS.get(cursor) : 0;
    if (start !== undefined) {
      STARTS.set(next, start + items.length);
      STARTS.set(previous, Math.max(0, start - pageSize()));
    }
    const isAll = !next && !previous;
    const total = count === undefined || count === null ? null : text.pager.total(count, kind === "exact");
    if (isAll) return total ?? text.numbers.items(items.length);
    return start === undefined ? text.pager.some(items.length, total) : text.pager.range(start + 1, start + items.length, total);
  }

  #go(cursor) {
    if (cursor !== undefined) list({ cursor });
  }
}

/** The buttons stay focusable at both ends, so that the focus is not lost there. */
function pagerButton(sign, label, action) {
  const onclick = () => button.ariaDisabled !== "true" && action();
  const button = h("button", { type: "button", "aria-label": label, title: label, onclick }, h("span", { "aria-hidden": "true" }, sign));
  return button;
}

function enable(button, cursor) {
  button.ariaDisabled = cursor ? "false" : "true";
}

customElements.define("item-pager", ItemPager);
