// A tree of categories with the numbers of their items, for the keyboard, the pointer, and to drag.

import { enableDragging } from "./category-drag.js";
import { h } from "./elements.js";
import { count } from "./format.js";
import { text } from "./text.js";

const EXPANDED_AT_FIRST = 40;
const TYPED_TOGETHER = 700;

/**
 * `<category-tree>` shows what `show` gets. It announces `category-chosen` with `{slug, add}`, where `add` asks for one more rather
 * than another one, and if it is `movable`, `category-placed` with `{slug, parent, before}` and `category-stepped` with `{slug, key}`.
 */
export class CategoryTree extends HTMLElement {
  movable = false;
  #tree = null;
  #counts = null;
  #selected = new Set();
  #expanded = null;
  #sought = "";
  #rows = new Map();
  #visible = [];
  #current = null;
  #typed = "";
  #typedAt = 0;

  connectedCallback() {
    if (this.role) return;
    this.role = "tree";
    this.addEventListener("click", (event) => this.#onClick(event));
    this.addEventListener("keydown", (event) => this.#onKey(event));
    this.addEventListener("focusin", (event) => this.#setCurrent(event.target.dataset?.slug));
    enableDragging(this, {
      tree: () => this.#tree,
      expand: (slug) => this.#toggle(slug, true),
      place: (detail) => this.#announce("category-placed", detail),
    });
  }

  /**
   * Shows a tree (categories.js). `counts` are numbers of items by slug; without them those of the whole catalog are shown, and an
   * empty Map shows none. `selected` are slugs.
   */
  show(tree, { counts = null, selected = [] } = {}) {
    const isFirst = !this.#expanded;
    this.#tree = tree;
    this.#counts = counts;
    this.#expanded ??= new Set(tree.bySlug.size <= EXPANDED_AT_FIRST ? tree.bySlug.keys() : []);
    const added = [...selected].filter((slug) => !this.#selected.has(slug));
    this.#selected = new Set(selected);
    for (const slug of added) this.#reveal(slug);
    if (isFirst || !tree.bySlug.has(this.#current)) this.#current = added[0] ?? tree.roots[0]?.slug ?? null;
    this.#render();
  }

  /** Shows only the categories whose names have this text, and those above them. */
  seek(sought) {
    this.#sought = fold(sought.trim());
    this.#render();
    return this.#visible.length;
  }

  /** The slug of the category that the keyboard is at. */
  get current() {
    return this.#current;
  }

  /** Puts the focus on a category, or on the one where it was last. */
  focusOn(slug = this.#current) {
    this.#reveal(slug);
    this.#current = slug;
    this.#render();
    this.#rows.get(slug)?.focus();
  }

  #reveal(slug) {
    let category = this.#tree.bySlug.get(this.#tree.bySlug.get(slug)?.parent);
    for (; category; category = this.#tree.bySlug.get(category.parent)) this.#expanded.add(category.slug);
  }

  #render() {
    const hadFocus = this.contains(document.activeElement);
    this.#visible = [];
    this.#collect(this.#tree.roots, this.#sought ? this.#found() : null);
    if (this.#visible.length && !this.#visible.includes(this.#tree.bySlug.get(this.#current))) this.#current = this.#visible[0].slug;
    const before = this.#rows;
    this.#rows = new Map();
    for (const category of this.#visible) {
      const row = before.get(category.slug) ?? newRow(category.slug);
      this.#rows.set(category.slug, row);
      this.#fill(row, category);
    }
    const rows = [...this.#rows.values()];
    if (rows.length !== this.childElementCount || rows.some((row, index) => row !== this.children[index])) this.replaceChildren(...rows);
    if (hadFocus) this.#rows.get(this.#current)?.focus({ preventScroll: true });
  }

  #collect(siblings, found) {
    siblings.forEach((category, index) => {
      if (found && !found.has(category.slug)) return;
      category.place = index + 1;
      category.siblings = siblings.length;
      this.#visible.push(category);
      if (found || this.#expanded.has(category.slug)) this.#collect(category.children, found);
    });
  }

  #found() {
    const found = new Set();
    for (const category of this.#tree.bySlug.values()) {
      if (!fold(category.name).includes(this.#sought)) continue;
      for (let each = category; each; each = this.#tree.bySlug.get(each.parent)) found.add(each.slug);
    }
    return found;
  }

  #fill(row, category) {
    const number = this.#counts ? this.#counts.get(category.slug) : category.item_count;
    const isParent = category.children.length > 0;
    const state = {
      "aria-label": number === undefined ? category.name : text.categories.row(category.name, number),
      "aria-level": category.level,
      "aria-posinset": category.place,
      "aria-setsize": category.siblings,
      "aria-selected": this.#selected.has(category.slug),
      "aria-expanded": isParent ? Boolean(this.#sought) || this.#expanded.has(category.slug) : null,
    };
    for (const [name, value] of Object.entries(state)) {
      if (value === null) row.removeAttribute(name);
      else if (row.getAttribute(name) !== String(value)) row.setAttribute(name, value);
    }
    row.tabIndex = category.slug === this.#current ? 0 : -1;
    row.draggable = this.movable;
    row.classList.toggle("tree-empty", number === 0);
    row.style.setProperty("--level", category.level);
    const [, name, total] = row.children;
    name.textContent = category.name;
    name.title = category.name;
    total.textContent = number === undefined ? "" : count(number);
  }

  #setCurrent(slug) {
    if (!slug || slug === this.#current) return;
    const before = this.#rows.get(this.#current);
    if (before) before.tabIndex = -1;
    this.#rows.get(slug).tabIndex = 0;
    this.#current = slug;
  }

  #onClick(event) {
    const row = event.target.closest("[data-slug]");
    if (!row) return;
    if (event.target.closest(".tree-toggle") && row.hasAttribute("aria-expanded")) this.#toggle(row.dataset.slug);
    else this.#choose(row.dataset.slug, event.ctrlKey || event.metaKey);
  }

  #choose(slug, add) {
    this.#announce("category-chosen", { slug, add });
  }

  #announce(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }

  #toggle(slug, expand = !this.#expanded.has(slug)) {
    if (expand) this.#expanded.add(slug);
    else this.#expanded.delete(slug);
    this.#render();
  }

  #onKey(event) {
    const category = this.#tree?.bySlug.get(event.target.dataset?.slug);
    if (!category) return;
    if (event.altKey && event.key.startsWith("Arrow") && this.movable) {
      this.#announce("category-stepped", { slug: category.slug, key: event.key });
    } else if (event.altKey || event.ctrlKey || event.metaKey || !this.#act(event.key, category)) {
      return;
    }
    event.preventDefault();
  }

  /** Does what a key is for. Returns whether it is for anything. */
  #act(key, category) {
    const index = this.#visible.indexOf(category);
    const isOpen = category.children.length > 0 && (this.#sought || this.#expanded.has(category.slug));
    const go = (to) => to && this.#rows.get(to.slug)?.focus();
    if (key === "ArrowDown") go(this.#visible[index + 1]);
    else if (key === "ArrowUp") go(this.#visible[index - 1]);
    else if (key === "Home") go(this.#visible[0]);
    else if (key === "End") go(this.#visible.at(-1));
    else if (key === "ArrowRight" && isOpen) go(this.#visible[index + 1]);
    else if (key === "ArrowRight") category.children.length && this.#toggle(category.slug, true);
    else if (key === "ArrowLeft" && isOpen && !this.#sought) this.#toggle(category.slug, false);
    else if (key === "ArrowLeft") go(this.#tree.bySlug.get(category.parent));
    else if (key === "Enter" || key === " ") this.#choose(category.slug, key === " ");
    else if (key.length === 1) go(this.#typedTo(key, index));
    else return false;
    return true;
  }

  #typedTo(key, index) {
    const now = performance.now();
    this.#typed = now - this.#typedAt < TYPED_TOGETHER ? this.#typed + key : key;
    this.#typedAt = now;
    const sought = fold(this.#typed);
    const start = this.#typed.length > 1 ? index : index + 1;
    const others = [...this.#visible.slice(start), ...this.#visible.slice(0, start)];
    return others.find((each) => fold(each.name).startsWith(sought));
  }
}

function newRow(slug) {
  return h(
    "div",
    { className: "tree-row", role: "treeitem", "data-slug": slug },
    h("span", { className: "tree-toggle", "aria-hidden": "true" }),
    h("span", { className: "tree-name" }),
    h("span", { className: "tree-count" }),
  );
}

/** Returns a text without case and accents, to compare it with others. */
function fold(value) {
  return value.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

customElements.define("category-tree", CategoryTree);
