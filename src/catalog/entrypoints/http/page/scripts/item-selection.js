// Which items are selected. They stay selected on other pages.

import { itemOf } from "./item-row.js";

/** The selection of a table: `items`, by id, and the boxes of the rows that show it. `onchange` is called after each change. */
export class ItemSelection {
  items = new Map();
  #rows = () => [];
  #all;
  #onchange;
  #last = null;

  /** `rows` returns the rows of the page; `all` is the box that selects them all. */
  constructor(rows, all, onchange) {
    this.#rows = rows;
    this.#all = all;
    this.#onchange = onchange;
  }

  /** Selects a row, or not. In a range, all rows from the last one that was chosen follow. */
  choose(row, isChosen, isRange) {
    const rows = this.#rows();
    const from = isRange ? rows.findIndex((each) => each.dataset.id === this.#last) : -1;
    const to = rows.indexOf(row);
    const range = from < 0 ? [row] : rows.slice(Math.min(from, to), Math.max(from, to) + 1);
    this.#last = row.dataset.id;
    this.#set(range, isChosen);
  }

  /** Selects all rows of the page, or none of them. Those that are gone can't be. */
  choosePage(isChosen) {
    this.#set(
      this.#rows().filter((row) => !row.querySelector("input").disabled),
      isChosen,
    );
  }

  /** Selects nothing. */
  clear() {
    this.items.clear();
    this.#changed();
  }

  /** Keeps a selected item as it is now; null if it was deleted. */
  update(id, item) {
    const before = this.items.get(id);
    if (!before || before.version === item?.version) return;
    if (item) this.items.set(id, item);
    else this.items.delete(id);
    this.#changed();
  }

  /** Shows the selection in the boxes of the rows. */
  show() {
    const rows = this.#rows();
    for (const row of rows) {
      const isChosen = this.items.has(row.dataset.id);
      row.querySelector("input").checked = isChosen;
      row.classList.toggle("is-selected", isChosen);
    }
    const chosen = rows.filter((row) => this.items.has(row.dataset.id)).length;
    this.#all.checked = chosen > 0 && chosen === rows.length;
    this.#all.indeterminate = chosen > 0 && chosen < rows.length;
  }

  #set(rows, isChosen) {
    for (const row of rows) {
      const item = itemOf(row);
      if (isChosen) this.items.set(item.id, item);
      else this.items.delete(item.id);
    }
    this.#changed();
  }

  #changed() {
    this.show();
    this.#onchange();
  }
}
