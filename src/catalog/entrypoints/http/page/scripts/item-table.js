// The table of items. It shows what the address says, and follows what happens to the items.

import { onAddressChange, parameter } from "./address.js";
import { request } from "./api.js";
import { h } from "./elements.js";
import { COLUMNS, isEdited, itemOf, makeBlankRow, makeRow, setGone, showAges, showInRow } from "./item-row.js";
import { isFiltered, list, listQuery, pageSize, showAll, sortBy, sorting } from "./item-query.js";
import { ItemSelection } from "./item-selection.js";
import { may } from "./session.js";
import { state, stateOfError } from "./states.js";
import { text } from "./text.js";

const BLANK_ROWS = 20;
const MARKED_FOR = 6000;
const AGES_EVERY = 30_000;
const NEWS_DELAY = 300;
const REST_BETWEEN_NEWS = 10; // times as long as the last request took, so that many changes are no load

/**
 * `<item-table>`
 *
 * Each row has the `data-id` of its item, and each cell the `data-field`. What edits a cell sets `data-editing` on it meanwhile; the
 * cell is then left alone, and no row moves. `itemOf(row)` of item-row.js returns the item, `showItem(item)` shows another version.
 *
 * `selection` has the selected items by id. Events: `page-shown` with the page of the list as `detail`, `selection-changed`.
 */
export class ItemTable extends HTMLElement {
  #all = h("input", {
    type: "checkbox",
    "aria-label": text.items.selectPage,
    onchange: () => this.#selected.choosePage(this.#all.checked),
  });
  #headers = COLUMNS.map((column) => header(column));
  #body = h("tbody", { role: "rowgroup", onclick: (event) => this.#onClick(event), onkeydown: moveBetweenRows });
  #table = h(
    "table",
    { role: "table", "aria-label": text.items.table },
    h(
      "thead",
      { role: "rowgroup" },
      h("tr", { role: "row" }, h("th", { role: "columnheader", className: "cell-select" }, this.#all), this.#headers),
    ),
    this.#body,
  );
  #notice = h("div", { className: "item-notice", role: "status" });
  #box = h("div", { className: "item-box", tabIndex: -1 }, this.#table);
  #selected = new ItemSelection(
    () => this.rows,
    this.#all,
    () => this.dispatchEvent(new CustomEvent("selection-changed")),
  );
  #watching;
  #loading = null;
  #shown = null;
  #hasFailed = false;
  #newsTimer = null;
  #newsAreOwn = false;
  #rest = 0;

  /** The selected items by id, also those on other pages. */
  get selection() {
    return this.#selected.items;
  }

  /** The rows of the page, without those that are still loading. */
  get rows() {
    return [...this.#body.querySelectorAll("[data-id]")];
  }

  connectedCallback() {
    this.#watching = new AbortController();
    const { signal } = this.#watching;
    this.replaceChildren(this.#notice, this.#box);
    const listeners = {
      "catalog-change": ({ detail }) => this.#onEntry(detail),
      "item-changed": ({ detail }) => this.#onOwnChange(detail),
      "item-deleted": ({ detail }) => this.#onOwnDeletion(detail),
      "feed-opened": () => this.#askForNews(),
      "feed-restored": () => this.#askForNews(),
      "service-reached": () => this.#recover(),
      identified: () => this.load(),
    };
    for (const [name, listener] of Object.entries(listeners)) window.addEventListener(name, listener, { signal });
    onAddressChange(() => this.#follow(), signal);
    const ages = setInterval(() => showAges(this.rows), AGES_EVERY);
    signal.addEventListener("abort", () => clearInterval(ages));
    this.load();
  }

  disconnectedCallback() {
    this.#watching.abort();
    this.#loading?.abort();
    clearTimeout(this.#newsTimer);
  }

  /** Loads the page of the list that the address says and shows it. */
  async load() {
    this.#showOrder();
    this.#setBusy(true);
    const page = await this.#read((error) => this.#fail(error));
    if (!page) return;
    const isOther = this.#shown !== listQuery().toString();
    this.#show(page);
    if (isOther) this.#box.scrollTop = 0;
  }

  /** Loads the page again and shows what has changed at once, also if rows move. */
  async refresh() {
    if (this.#shown === null || this.hasAttribute("aria-busy")) return this.load();
    const page = await this.#read(() => {});
    if (page) this.#show(page);
    return undefined;
  }

  /** Shows a version of an item in its row, if there is one. */
  showItem(item) {
    const row = this.#rowOf(item.id);
    if (row) showInRow(row, item);
    this.#selected.update(item.id, item);
  }

  /** Selects nothing. */
  clearSelection() {
    this.#selected.clear();
  }

  /** Requests the page. Returns null if another request took its place, or after `onError`. */
  async #read(onError) {
    this.#loading?.abort();
    const loading = new AbortController();
    this.#loading = loading;
    const query = listQuery();
    query.set("limit", pageSize());
    query.set("count", "exact");
    query.set("include", "category");
    query.delete("fields");
    const started = performance.now();
    try {
      const { data } = await request("GET", "/items", { query, signal: loading.signal });
      if (loading.signal.aborted) return null;
      this.#rest = (performance.now() - started) * REST_BETWEEN_NEWS;
      return data;
    } catch (error) {
      if (!loading.signal.aborted) onError(error);
      return null;
    }
  }

  #follow() {
    if (this.#shown !== listQuery().toString()) this.load();
    else this.#showOpened();
  }

  #recover() {
    if (this.#hasFailed) this.load();
  }

  #show(page) {
    if (!page.items.length && parameter("cursor")) {
      list({}, { replace: true }); // everything on this page was deleted
      return;
    }
    const known = new Map(this.rows.map((row) => [row.dataset.id, row]));
    const isUpdate = this.#shown === listQuery().toString();
    const rows = page.items.map((item) => {
      let row = known.get(item.id);
      if (row) {
        this.#update(row, item);
        setGone(row, false);
      } else {
        row = makeRow(item);
        if (isUpdate) mark(row, "new");
      }
      this.#selected.update(item.id, item);
      return row;
    });
    arrange(this.#body, rows);
    this.#shown = listQuery().toString();
    this.#hasFailed = false;
    this.#setBusy(false);
    this.classList.remove("is-stale");
    this.#notice.replaceChildren();
    this.#showState(page.items.length ? null : emptyState());
    this.#selected.show();
    this.#showOpened();
    this.dispatchEvent(new CustomEvent("page-shown", { detail: page }));
  }

  /** Shows an item in its row, unless a newer version is there, and marks the row if the version is another one. */
  #update(row, item, author) {
    const { version } = itemOf(row);
    if (item.version < version) return;
    showInRow(row, item);
    if (item.version > version) mark(row, "changed", author);
  }

  /** Somebody has changed the catalog: what is shown changes at once, in its place; what else there is, is asked for. */
  #onEntry(entry) {
    if (entry.item_id) {
      const row = this.#rowOf(entry.item_id);
      if (entry.after && row) this.#update(row, entry.after, entry.actor);
      if (row) setGone(row, !entry.after);
      this.#selected.update(entry.item_id, entry.after);
    }
    this.#askForNews();
  }

  #onOwnChange(item) {
    this.#selected.update(item.id, item);
    const row = this.#rowOf(item.id);
    if (row) {
      if (item.version >= itemOf(row).version) this.showItem(item);
      setGone(row, false);
    } else {
      this.#newsAreOwn = true; // somebody who creates an item wants to see it
    }
    this.#askForNews();
  }

  #onOwnDeletion(item) {
    const row = this.#rowOf(item.id);
    if (row?.contains(document.activeElement)) focusRow(row.nextElementSibling ?? row.previousElementSibling);
    row?.remove();
    this.#newsAreOwn = true;
    this.#selected.update(item.id, null);
    this.#askForNews();
  }

  /** Loads the page again soon. If rows would move under somebody's hands, a hint offers to show it. */
  #askForNews() {
    this.#newsTimer ??= setTimeout(async () => {
      this.#newsTimer = null;
      if (this.hasAttribute("aria-busy")) {
        this.#askForNews(); // what is loading may be older than the news
        return;
      }
      if (this.#shown === null) return;
      const page = await this.#read(() => {});
      if (page) this.#showNews(page);
    }, Math.max(NEWS_DELAY, this.#rest));
  }

  #showNews(page) {
    const ids = this.rows.map((row) => row.dataset.id);
    const isSame = ids.length === page.items.length && page.items.every((item, index) => item.id === ids[index]);
    const mayMove = this.#newsAreOwn ? !this.rows.some(isEdited) : this.#mayMove();
    this.#newsAreOwn = false;
    if (isSame || mayMove) {
      this.#show(page);
      return;
    }
    for (const item of page.items) {
      const row = this.#rowOf(item.id);
      if (row) this.#update(row, item);
    }
    const known = new Set(ids);
    const added = page.items.filter((item) => !known.has(item.id)).length;
    const label = added ? text.items.added(added) : text.items.moved;
    const show = () => {
      this.#box.focus(); // the button goes away
      this.#box.scrollTop = 0;
      this.refresh();
    };
    if (this.#notice.textContent !== label) this.#notice.replaceChildren(h("button", { type: "button", onclick: show }, label));
  }

  /** Rows may move while nobody reads, points at or edits them. */
  #mayMove() {
    const isUsed = this.#body.matches(":hover, :focus-within") || this.rows.some(isEdited) || document.querySelector("dialog[open]");
    return !isUsed && this.#box.scrollTop === 0 && this.getBoundingClientRect().top >= 0;
  }

  #setBusy(isBusy) {
    this.ariaBusy = isBusy ? "true" : null;
    if (isBusy && this.#shown === null) {
      this.#showState(null);
      this.#body.replaceChildren(...Array.from({ length: BLANK_ROWS }, makeBlankRow));
    }
  }

  #fail(error) {
    if (error.code === "invalid_cursor") {
      list({}, { replace: true }); // of another order or search
      return;
    }
    this.#setBusy(false);
    this.#hasFailed = true;
    if (error.status === 401 && this.#shown !== null) return; // the page asks to sign in, and then loads it again
    const again = () => this.load();
    if (error.code === "offline" && this.#shown !== null) {
      this.classList.add("is-stale");
      this.#notice.replaceChildren(
        h("p", {}, text.states.offline, " ", h("button", { type: "button", className: "link-button", onclick: again }, text.actions.retry)),
      );
      return;
    }
    this.#shown = null;
    this.#body.replaceChildren();
    const isWrong = error.status === 422;
    this.#showState(isWrong ? state("failed", text.states.failed, error.message, clearButton([])) : stateOfError(error, again));
    this.dispatchEvent(new CustomEvent("page-shown", { detail: null }));
  }

  #showState(content) {
    this.#table.hidden = Boolean(content);
    this.#box.querySelector(".state")?.remove();
    if (content) this.#box.append(content);
  }

  #showOrder() {
    const order = sorting();
    for (const each of this.#headers) {
      const isSorted = order?.field === each.dataset.sort && order;
      if (isSorted) each.setAttribute("aria-sort", order.direction);
      else each.removeAttribute("aria-sort");
    }
  }

  /** Marks the row of the item whose drawer is open. */
  #showOpened() {
    const key = parameter("item").toUpperCase();
    for (const row of this.rows) {
      const { id, sku } = itemOf(row);
      row.classList.toggle("is-open", key !== "" && (sku.toUpperCase() === key || id.toUpperCase() === key));
    }
  }

  #rowOf(id) {
    return this.#body.querySelector(`[data-id="${CSS.escape(id)}"]`);
  }

  #onClick(event) {
    const row = event.target.closest("[data-id]");
    if (!row) return;
    const box = event.target.closest(".cell-select")?.firstChild;
    if (!box) this.#open(row, event);
    if (!box || box.disabled) return;
    if (event.target !== box) box.checked = !box.checked; // beside the box, which is small for a finger
    this.#selected.choose(row, box.checked, event.shiftKey);
  }

  /** A finger opens the item from anywhere in its row; so does a mouse, unless it edits. */
  #open(row, { target, pointerType }) {
    const isForEditing = pointerType !== "touch" && may("items:write");
    if (isForEditing || target.closest("a, [data-editing]") || !getSelection().isCollapsed) return;
    row.querySelector("a").click();
  }
}

function header({ field, sort, isNewestFirst }) {
  const label = text.items.columns[field];
  const content = sort ? h("button", { type: "button", onclick: () => sortBy(sort, isNewestFirst) }, label) : label;
  return h("th", { role: "columnheader", scope: "col", "data-field": field, "data-sort": sort }, content);
}

function emptyState() {
  if (isFiltered()) return state("empty", text.items.noMatch, text.items.noMatchHint, clearButton());
  return state("empty", text.items.empty, "");
}

/** `kept` are the parameters that it keeps. */
function clearButton(kept) {
  return h("button", { type: "button", onclick: () => showAll(kept) }, text.items.showAll);
}

/** Marks a row as new or changed for some seconds, and says by whom if that is known. */
function mark(row, kind, author) {
  row.dataset.marked = kind;
  row.title = author ? text.items.changedBy(author) : "";
  clearTimeout(row.unmarking);
  row.unmarking = setTimeout(() => {
    delete row.dataset.marked;
    row.removeAttribute("title");
  }, MARKED_FOR);
}

/** Puts rows into an order. Those that are in their place stay untouched, so that the focus is not lost. */
function arrange(body, rows) {
  const kept = new Set(rows);
  for (const child of [...body.children]) if (!kept.has(child)) child.remove();
  rows.forEach((row, index) => {
    if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
  });
}

/** The arrow keys go from row to row. */
function moveBetweenRows(event) {
  const isDown = event.key === "ArrowDown";
  if ((!isDown && event.key !== "ArrowUp") || !event.target.matches("a, input[type=checkbox]")) return;
  const row = event.target.closest("tr");
  const next = isDown ? row.nextElementSibling : row.previousElementSibling;
  if (!next) return;
  event.preventDefault();
  next.querySelector(event.target.matches("a") ? "a" : "input").focus();
}

function focusRow(row) {
  row?.querySelector("a")?.focus();
}

customElements.define("item-table", ItemTable);
