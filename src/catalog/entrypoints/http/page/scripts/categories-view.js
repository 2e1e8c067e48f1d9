// The categories: the tree with the numbers of items, and what can be done with each category.

import { change, onAddressChange, parameter } from "./address.js";
import { childrenOf, nextSibling, placeCategory, reloadCategories, stepOf } from "./categories.js";
import { askDelete, askName, askNewCategory, askPlace } from "./category-dialogs.js";
import { categoryDetails } from "./category-details.js";
import { h } from "./elements.js";
import { followChanges } from "./live-feed.js";
import { may } from "./session.js";
import { state, stateOfError } from "./states.js";
import { text } from "./text.js";
import { toast, toastError } from "./toasts.js";

const WORDS = text.categories;
const SEEKS_FROM = 20;
const LOADING_AFTER = 150;
const RETRY_AFTER = 3000;
const CHOSEN = "category";

/** `<categories-view>` keeps the chosen category in the address. */
export class CategoriesView extends HTMLElement {
  #tree = null;
  #number = h("span", { className: "category-number" });
  #create = h("button", { type: "button", className: "primary", onclick: () => this.#askNew(null) }, WORDS.create);
  #seek = h("input", { type: "search", placeholder: WORDS.seek, "aria-label": WORDS.seek, hidden: true });
  #note = h("p", { className: "field-hint", role: "status" });
  #body = h("div", { className: "categories-body" });
  #rows = h("category-tree", { "aria-label": WORDS.label });
  #details = h("aside", { className: "category-details", "aria-label": WORDS.title });
  #spoken = h("p", { className: "category-spoken", role: "status" });
  #moves = Promise.resolve();
  #watching;
  #retry;

  connectedCallback() {
    this.#watching = new AbortController();
    const { signal } = this.#watching;
    this.#create.hidden = !may("items:write");
    this.#rows.movable = may("items:write");
    this.replaceChildren(
      h("header", { className: "categories-head" }, h("h1", {}, WORDS.title), this.#number, this.#seek, this.#create),
      this.#note,
      this.#body,
      this.#spoken,
    );
    const note = may("items:write") ? "" : WORDS.readOnly;
    this.#note.textContent = note;
    this.#seek.addEventListener("input", () => {
      this.#note.textContent = this.#rows.seek(this.#seek.value) ? note : WORDS.notFound;
    });
    this.#rows.addEventListener("category-chosen", ({ detail }) => change({ [CHOSEN]: detail.slug }, { replace: true }));
    this.#rows.addEventListener("category-placed", ({ detail }) => this.#place(detail));
    this.#rows.addEventListener("category-stepped", ({ detail }) => this.#step(detail));
    this.#rows.addEventListener("keydown", (event) => this.#onKey(event));
    window.addEventListener("categories-changed", ({ detail }) => this.#show(detail), { signal });
    onAddressChange(() => this.#tree && this.#show(this.#tree), signal);
    this.#load();
  }

  disconnectedCallback() {
    this.#watching.abort();
    clearTimeout(this.#retry);
  }

  async #load() {
    clearTimeout(this.#retry);
    const isFirst = !this.#body.firstChild;
    const loading = setTimeout(() => isFirst && this.#body.replaceChildren(state("loading", text.states.loading)), LOADING_AFTER);
    try {
      await reloadCategories(); // it announces what it has read
      followChanges();
    } catch (error) {
      this.#body.replaceChildren(stateOfError(error, () => this.#load()));
      if (error.code === "offline") this.#retry = setTimeout(() => this.#load(), RETRY_AFTER);
    } finally {
      clearTimeout(loading);
    }
  }

  #show(tree) {
    this.#tree = tree;
    const number = tree.bySlug.size;
    this.#number.textContent = number ? WORDS.number(number) : "";
    this.#seek.hidden = number < SEEKS_FROM;
    if (!number) {
      const create = h("button", { type: "button", className: "primary", onclick: () => this.#askNew(null) }, WORDS.create);
      this.#body.replaceChildren(state("empty", WORDS.empty, WORDS.emptyHint, may("items:write") && create));
      return;
    }
    if (!this.#rows.isConnected) this.#body.replaceChildren(this.#rows, this.#details);
    const chosen = tree.bySlug.get(parameter(CHOSEN));
    this.#rows.show(tree, { selected: chosen ? [chosen.slug] : [] });
    this.#showDetails(chosen);
  }

  #showDetails(category) {
    const index = [...this.#details.querySelectorAll("a, button")].indexOf(document.activeElement);
    const details = categoryDetails(this.#tree, category, {
      create: () => this.#askNew(category.slug),
      rename: () => this.#askName(category),
      move: () => this.#askPlace(category),
      remove: () => this.#askDelete(category),
    });
    this.#details.replaceChildren(details);
    if (index >= 0) this.#details.querySelectorAll("a, button")[index]?.focus();
  }

  #onKey(event) {
    const category = this.#tree.bySlug.get(event.target.dataset?.slug);
    if (!category || !may("items:write") || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "F2") this.#askName(category);
    else if (event.key === "Delete") this.#askDelete(category);
    else return;
    event.preventDefault();
  }

  #askNew(parent) {
    askNewCategory(this.#tree, parent, (created) => {
      toast(WORDS.created(created.name));
      change({ [CHOSEN]: created.slug }, { replace: true });
      this.#focusOn(created.slug);
    });
  }

  #askName(category) {
    askName(category, (name) => {
      toast(WORDS.renamed(name));
      this.#focusOn(category.slug);
    });
  }

  #askPlace(category) {
    const undo = this.#undoOf(category);
    askPlace(this.#tree, category, (parent) => this.#onPlaced(category, parent, undo));
  }

  #askDelete(category) {
    const neighbour = nextSibling(this.#tree, category) ?? category.parent ?? this.#tree.roots.at(-2)?.slug;
    askDelete(this.#tree, category, (target) => {
      const name = this.#tree.bySlug.get(target)?.name;
      toast(name ? WORDS.removedInto(category.name, name) : WORDS.removed(category.name));
      if (parameter(CHOSEN) === category.slug) change({ [CHOSEN]: null }, { replace: true });
      this.#focusOn(target ?? neighbour);
    });
  }

  /** Moves a category to where it was dropped. */
  #place({ slug, parent, before }) {
    this.#enqueue(slug, async (category) => {
      const isThere = category.parent === parent && nextSibling(this.#tree, category) === before;
      if (isThere) return;
      const undo = this.#undoOf(category);
      await placeCategory(this.#tree, category, parent, before);
      this.#onPlaced(category, parent, undo);
    });
  }

  /** Moves a category by a step. Steps are spoken; they are undone by the opposite step. */
  #step({ slug, key }) {
    this.#enqueue(slug, async (category) => {
      const place = stepOf(this.#tree, category, key);
      if (!place) {
        this.#spoken.textContent = WORDS.noStep(category.name);
        return;
      }
      await placeCategory(this.#tree, category, place.parent, place.before);
      this.#rows.focusOn(slug);
      const siblings = childrenOf(this.#tree, place.parent);
      const index = siblings.findIndex((each) => each.slug === slug);
      this.#spoken.textContent = WORDS.stepped(category.name, this.#nameOf(place.parent), index + 1, siblings.length);
    });
  }

  /** Makes a move when those before it have ended, each from where the category is then. */
  #enqueue(slug, move) {
    this.#moves = this.#moves
      .then(async () => {
        const category = this.#tree.bySlug.get(slug);
        if (category) await move(category);
      })
      .catch(toastError);
  }

  /** Returns what brings a category back to where it is now. */
  #undoOf({ slug, parent }) {
    const before = nextSibling(this.#tree, this.#tree.bySlug.get(slug));
    return () =>
      this.#enqueue(slug, async (category) => {
        await placeCategory(this.#tree, category, parent, before);
        this.#rows.focusOn(slug);
      });
  }

  #onPlaced(category, parent, undo) {
    toast(WORDS.moved(category.name, this.#nameOf(parent)), { action: { label: WORDS.undo, run: undo } });
    this.#focusOn(category.slug);
  }

  /** Puts the focus on a category, after the dialog has given it back. */
  #focusOn(slug) {
    setTimeout(() => this.#tree.bySlug.has(slug) && this.#rows.isConnected && this.#rows.focusOn(slug));
  }

  #nameOf(slug) {
    return slug && (this.#tree.bySlug.get(slug)?.name ?? slug);
  }
}

customElements.define("categories-view", CategoriesView);
