// What can be done with the selected items: delete, move to a category, change prices, export.

import { apiUrl, request } from "./api.js";
import { runBatch } from "./batches.js";
import { categorySelect } from "./category-select.js";
import { confirm, openDialog } from "./dialogs.js";
import { h } from "./elements.js";
import { field, formError, onSubmit } from "./forms.js";
import { changePrices } from "./price-change-dialog.js";
import { caller, may } from "./session.js";
import { text } from "./text.js";
import { toast, toastError } from "./toasts.js";

const LONGEST_URL = 8000;
const AT_ONCE = 4;

/** `<selection-bar>` is shown if items of the table are selected. */
export class SelectionBar extends HTMLElement {
  #watching;

  connectedCallback() {
    this.table = this.closest("items-view").querySelector("item-table");
    this.#watching = new AbortController();
    this.table.addEventListener("selection-changed", () => this.#show(), { signal: this.#watching.signal });
    this.#show();
  }

  disconnectedCallback() {
    this.#watching.abort();
  }

  get #items() {
    return [...this.table.selection.values()];
  }

  #show() {
    const count = this.#items.length;
    this.hidden = count === 0;
    if (!count) {
      this.replaceChildren();
      return;
    }
    const button = (label, onclick, className = "") => h("button", { type: "button", className, onclick }, label);
    const mayWrite = may("items:write");
    const parts = [
      h("span", { className: "selection-count", role: "status" }, text.bulk.selected(count)),
      mayWrite && button(text.bulk.move, () => this.#move()),
      mayWrite && button(text.bulk.prices, () => this.#changePrices()),
      caller().kind !== "guest" && exportLink(this.#items),
      mayWrite && button(text.bulk.delete, () => this.#delete(), "danger-outline"),
      button(text.bulk.clear, () => this.table.clearSelection(), "link-button"),
    ];
    this.replaceChildren(...parts.filter(Boolean));
  }

  async #delete() {
    const items = this.#items;
    const isSure = await confirm(text.bulk.deleteTitle(items.length), text.bulk.deleteHint, {
      confirmLabel: text.bulk.delete,
      danger: true,
    });
    if (!isSure) return;
    const outcome = await this.#run(items.map((item) => ({ op: "delete", key: item.id, if_version: item.version })));
    const deleted = items.filter((item) => !outcome?.failed.some(({ operation }) => operation.key === item.id));
    if (outcome && deleted.length) {
      const undo = () => restoreAll(deleted).then(() => this.table.refresh(), toastError);
      toast(text.bulk.deleted(deleted.length), { action: { label: text.bulk.undo, run: undo } });
    }
  }

  #move() {
    const items = this.#items;
    const select = categorySelect(null);
    const form = h(
      "form",
      {},
      formError(),
      field(text.editing.category, select),
      h("footer", { className: "dialog-foot" }, h("button", { className: "primary" }, text.bulk.moveItems(items.length))),
    );
    const dialog = openDialog(text.bulk.move, form);
    onSubmit(form, async () => {
      const patch = { category: select.value || null };
      const operations = items.map((item) => ({ op: "update", key: item.id, patch, if_version: item.version }));
      const outcome = await runBatch(operations);
      dialog.close();
      this.#report(outcome, text.bulk.moved);
    });
  }

  async #changePrices() {
    const outcome = await changePrices(this.#items);
    if (outcome) this.#report(outcome, text.bulk.repriced);
  }

  /** Runs operations and reports those that failed. Returns the outcome, or undefined if the request failed as a whole. */
  async #run(operations) {
    try {
      const outcome = await runBatch(operations);
      this.#report(outcome, null);
      return outcome;
    } catch (error) {
      toastError(error);
      return undefined;
    }
  }

  #report({ done, failed }, message) {
    if (message && done.length) toast(message(done.length));
    if (failed.length) {
      const reasons = [...new Set(failed.map(({ problem }) => problem.detail ?? problem.title))];
      toast(`${text.bulk.failed(failed.length)} ${reasons.slice(0, 3).join(" ")}`, { kind: "failed" });
    }
    if (!done.length) return;
    this.table.clearSelection();
    this.table.refresh();
  }
}

/** Brings deleted items back, a few at a time. Throws ApiError for the first that cannot be restored. */
async function restoreAll(items) {
  const waiting = [...items];
  const work = async () => {
    for (let item = waiting.pop(); item; item = waiting.pop()) await request("POST", `/items/${item.id}/restore`);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** Returns a link to an export of these items. */
function exportLink(items) {
  const url = apiUrl("/items/export", { format: "csv", sku: items.map((item) => item.sku) });
  if (url.href.length <= LONGEST_URL) return h("a", { className: "button", href: url, download: "" }, text.bulk.export);
  return h("button", { type: "button", disabled: true, title: text.bulk.tooMany }, text.bulk.export);
}

customElements.define("selection-bar", SelectionBar);
