// One item beside the table: its fields, what it has cost, what happened to it. The address says which item.

import { change, onAddressChange, parameter } from "./address.js";
import { loadCategories } from "./category-select.js";
import { copiedText } from "./copied-text.js";
import { confirm } from "./dialogs.js";
import { h, newId } from "./elements.js";
import { ago, count, moment } from "./format.js";
import { deleteItem, readItem, restoreItem, revertItem } from "./item-changes.js";
import { keepEdits, keptEdits } from "./kept-edits.js";
import { fact, itemFacts } from "./item-facts.js";
import { readHistory } from "./item-history.js";
import { caller, may } from "./session.js";
import { state, stateOfError } from "./states.js";
import { text } from "./text.js";
import { toast, toastError } from "./toasts.js";

const ITEM = "item";
const NOT_FOUND = "item_not_found";
const WRITE = "items:write";
const NOTICE_SHOWN_FOR = 8000;

/** `<item-drawer>` is open while the address names an item. On a phone, it covers the page and is modal. */
export class ItemDrawer extends HTMLElement {
  #key = "";
  #item = null;
  #editor = null;
  #prices = h("price-history");
  #history = h("item-history");
  #opener = null;
  #isDeleting = false;
  #watching;
  #narrow = matchMedia("(max-width: 720px)");
  #title = h("h2", { id: newId("drawer"), tabIndex: -1 });
  #subtitle = h("p", { className: "drawer-subtitle" });
  #noticeTimer;
  #notice = h("p", { className: "drawer-notice", role: "status" });
  // Two elements, so that nothing is seen to move when a long name makes the head grow.
  #state = h("div", { className: "drawer-state" });
  #body = h("div", { className: "drawer-body", hidden: true });
  #dialog = h(
    "dialog",
    { className: "drawer", "aria-labelledby": this.#title.id },
    h(
      "header",
      { className: "drawer-head" },
      h("div", { className: "drawer-titles" }, this.#title, this.#subtitle),
      h("button", { type: "button", className: "icon-button", "aria-label": text.actions.close, onclick: leave }, "×"),
    ),
    this.#notice,
    this.#state,
    this.#body,
  );

  connectedCallback() {
    this.#watching = new AbortController();
    const { signal } = this.#watching;
    this.append(this.#dialog);
    this.#dialog.addEventListener("cancel", (event) => this.#onCancel(event), { signal });
    // Some browsers close a modal dialog without asking at the second try.
    this.#dialog.addEventListener("close", () => this.#key && !this.#dialog.open && leave(), { signal });
    this.#narrow.addEventListener("change", () => this.#key && this.#open(), { signal });
    document.addEventListener("keydown", (event) => this.#onKey(event), { signal });
    onAddressChange(() => this.#follow(), signal);
    window.addEventListener("catalog-change", ({ detail }) => this.#onChange(detail), { signal });
    window.addEventListener("feed-restored", ({ detail }) => detail?.isComplete || this.#refresh(), { signal });
    window.addEventListener("item-changed", ({ detail }) => this.#onItem(detail), { signal });
    window.addEventListener("item-deleted", ({ detail }) => this.#onDeleted(detail), { signal });
    window.addEventListener("identified", () => this.#key && this.#load(), { signal });
    window.addEventListener("service-reached", () => this.#state.querySelector(".state-offline") && this.#load(), { signal });
    this.#body.addEventListener("click", () => this.#notice.dataset.kind === "failed" && this.#say(""), { signal });
    this.addEventListener("saved", () => this.#say(text.drawer.saved), { signal });
    this.addEventListener("gone", () => this.#load(), { signal });
    this.addEventListener("revert-wanted", ({ detail }) => this.#revert(detail), { signal });
    this.#follow();
  }

  disconnectedCallback() {
    this.#watching.abort();
    this.#leaveItem();
    this.#key = "";
  }

  /** Shows the item that the address names, or closes. */
  #follow() {
    const key = parameter(ITEM);
    if (key === this.#key) return;
    this.#leaveItem();
    if (!this.contains(document.activeElement)) this.#opener = document.activeElement;
    const before = this.#key;
    this.#key = key;
    if (key) {
      this.#open();
      this.#load();
    } else {
      this.#dialog.close();
      returnFocus(this.#opener, before);
    }
  }

  /** Opens as the width of the screen wants it: modal where the drawer covers the page. */
  #open() {
    if (this.#dialog.open && this.#dialog.matches(":modal") !== this.#narrow.matches) this.#dialog.close();
    if (!this.#dialog.open) this.#dialog[this.#narrow.matches ? "showModal" : "show"]();
    this.#title.focus();
  }

  async #load() {
    const key = this.#key;
    if (!this.#item) this.#showState(state("loading", text.states.loading));
    try {
      const [item] = await Promise.all([readItem(key), loadCategories()]);
      if (key === this.#key) this.#show(item);
    } catch (error) {
      if (key !== this.#key) return;
      if (error.code === NOT_FOUND) this.#loadDeleted(key);
      else this.#showState(stateOfError(error, () => this.#load()));
    }
  }

  /** A deleted item still has its history. */
  async #loadDeleted(key) {
    try {
      const { changes } = await readHistory(key);
      const last = changes.at(-1);
      if (key === this.#key) this.#showDeleted(last.before, last);
    } catch (error) {
      if (key !== this.#key) return;
      const close = h("button", { type: "button", onclick: leave }, text.actions.close);
      const missing = () => state("missing", text.drawer.missing, text.drawer.missingHint(key), close);
      this.#showState(error.code === NOT_FOUND ? missing() : stateOfError(error, () => this.#load()));
    }
  }

  #showState(content) {
    this.#keep();
    this.#item = null;
    this.#title.textContent = text.drawer.item;
    this.#subtitle.replaceChildren();
    this.#say("");
    this.#body.hidden = true;
    this.#state.replaceChildren(content);
  }

  #showBody(...content) {
    this.#state.replaceChildren();
    this.#body.hidden = false;
    this.#body.replaceChildren(...content);
  }

  #show(item) {
    if (this.#editor?.item.id === item.id && may(WRITE)) {
      this.#take(item);
      return;
    }
    this.#keep();
    const isAnother = this.#item?.id !== item.id;
    this.#item = item;
    this.#say("");
    this.#editor = may(WRITE) ? (keptEdits(item.id) ?? h("item-editor")) : null;
    this.#showHead();
    this.#showBody(this.#editor ?? itemFacts(item), ...this.#sections());
    if (isAnother) this.#body.scrollTop = 0;
    if (this.#editor?.item) {
      const changed = this.#editor.update(item);
      this.#say(changed.length ? text.drawer.changedMeanwhile(changed.join(", ")) : text.drawer.keptShown, "news");
    } else {
      this.#editor?.show(item);
    }
    this.#loadSections();
  }

  #showHead() {
    const { name, sku, version, updated_at: updated } = this.#item;
    this.#title.textContent = name;
    this.#subtitle.replaceChildren(
      h("code", {}, sku),
      h("span", {}, text.history.version(count(version))),
      h("time", { dateTime: updated, title: moment(updated) }, text.drawer.changedAgo(ago(updated))),
    );
  }

  #sections() {
    return [section(text.prices.title, this.#prices), section(text.history.title, this.#history), this.#record()];
  }

  #record() {
    const { id, sku, created_at: created, updated_at: updated } = this.#item;
    return section(
      text.drawer.record,
      h(
        "dl",
        { className: "facts" },
        fact(text.drawer.fields.sku, copiedText(sku, text.drawer.copySku)),
        fact(text.drawer.id, copiedText(id, text.drawer.copyId)),
        fact(text.drawer.created, moment(created)),
        fact(text.drawer.updated, moment(updated)),
      ),
      this.#editor && h("button", { type: "button", className: "drawer-delete", onclick: () => this.#delete() }, text.drawer.delete),
    );
  }

  #loadSections() {
    this.#prices.load(this.#item);
    this.#history.load(this.#item, Boolean(this.#editor));
  }

  /** Shows an item that was deleted, with the way to bring it back. `entry` of the log says by whom. */
  #showDeleted(item, entry) {
    this.#keep();
    this.#item = item;
    this.#editor = null;
    const who = entry?.actor ? text.drawer.deletedBy(entry.actor, ago(entry.at)) : text.drawer.deletedHint;
    const restore = h("button", { type: "button", className: "primary", onclick: () => this.#restore(item) }, text.drawer.restore);
    this.#showHead();
    this.#say("");
    this.#showBody(
      h(
        "div",
        { className: "drawer-deleted", role: "alert" },
        h("div", {}, h("strong", {}, text.drawer.deleted), h("p", {}, who)),
        may(WRITE) && restore,
      ),
      itemFacts(item),
      ...this.#sections(),
    );
    this.#loadSections();
  }

  /** Takes the item as it is now; edits stay. `actor` is who changed it, if that is known. */
  #take(item, actor) {
    if (item.version <= this.#item.version) return;
    // What the editor itself has saved, it shows itself.
    const changed = this.#editor.isSaving ? [] : this.#editor.update(item);
    this.#item = item;
    const other = actor === caller()?.username ? null : actor;
    if (changed.length) this.#say(text.drawer.changedBy(changed.join(", "), other), "news");
    this.#showHead();
    this.#body.lastElementChild.replaceWith(this.#record());
    this.#loadSections();
  }

  /** Takes an entry of the live feed. The item is read: the numbers of the feed may be damaged. */
  #onChange(entry) {
    if (!this.#item || entry.item_id !== this.#item.id || this.#editor?.isSaving || this.#isDeleting) return;
    if (entry.version <= this.#item.version) return;
    if (!entry.after) {
      this.#showDeleted(this.#item, entry);
      return;
    }
    this.#refresh(entry.actor);
  }

  /** Reads the item again. `actor` is who has changed it, if that is known. */
  async #refresh(actor) {
    const id = this.#item?.id;
    if (!id) return;
    try {
      const item = await readItem(id);
      if (this.#item?.id !== id || this.#editor?.isSaving) return;
      if (this.#editor) this.#take(item, actor);
      else if (item.version > this.#item.version) this.#show(item);
    } catch (error) {
      if (this.#item?.id !== id) return;
      if (error.code === NOT_FOUND) this.#loadDeleted(id);
      else this.#sayError(error);
    }
  }

  /** Takes a change that was made on this page. */
  #onItem(item) {
    if (item.id !== this.#item?.id) return;
    if (this.#editor) this.#take(item);
    else this.#show(item);
  }

  #onDeleted(item) {
    if (item.id === this.#item?.id && !this.#isDeleting) this.#showDeleted(this.#item);
  }

  async #delete() {
    const item = this.#item;
    const title = text.drawer.deleteTitle(item.name);
    if (!(await confirm(title, text.drawer.deleteHint, { confirmLabel: text.drawer.deleteConfirm, danger: true }))) return;
    this.#isDeleting = true;
    try {
      await deleteItem(item);
      this.#editor = null; // its edits are deleted with it
      leave();
      toast(text.drawer.deletedToast(item.name), { action: { label: text.drawer.undo, run: () => undoDelete(item) } });
    } catch (error) {
      this.#sayError(error);
      if (error.status === 404 || error.status === 412) this.#load();
    } finally {
      this.#isDeleting = false;
    }
  }

  async #restore(item) {
    try {
      await restoreItem(item);
      this.#say(text.drawer.restored);
      this.#title.focus();
    } catch (error) {
      this.#sayError(error);
      if (error.code === "not_deleted") this.#load();
    }
  }

  async #revert(version) {
    const title = text.history.revertTitle(version);
    if (!(await confirm(title, text.history.revertHint, { confirmLabel: text.history.revert }))) return;
    try {
      await revertItem(this.#item, version);
      this.#say(text.history.reverted(version));
    } catch (error) {
      this.#sayError(error);
      if (error.code === "stale_version") this.#load();
    }
  }

  /** Shows a message: "done", "news" or "failed". It is in the drawer, since those of the page are not seen below a modal one. */
  #say(message, kind = "done") {
    clearTimeout(this.#noticeTimer);
    this.#notice.textContent = message;
    this.#notice.dataset.kind = kind;
    if (kind !== "failed") this.#noticeTimer = setTimeout(() => this.#notice.replaceChildren(), NOTICE_SHOWN_FOR);
  }

  /** Says why something failed. It stays until something else is said or done. */
  #sayError(error) {
    this.#say(error.code === "offline" ? text.states.offline : error.message, "failed");
  }

  #leaveItem() {
    const kept = this.#keep();
    if (kept) toast(text.drawer.kept(kept.name), { action: { label: text.drawer.editOn, run: () => change({ [ITEM]: kept.id }) } });
    this.#item = null;
  }

  /** Keeps edits that are not saved, for when the item is shown again. Returns the item if there were any. */
  #keep() {
    const editor = this.#editor;
    this.#editor = null;
    if (!editor?.isEdited) return null;
    keepEdits(editor);
    return editor.item;
  }

  #onCancel(event) {
    if (event.target !== this.#dialog) return;
    event.preventDefault();
    leave();
  }

  /** Escape closes the drawer from within it, and from where nothing else would be left by it. */
  #onKey(event) {
    const isHere = this.#dialog.contains(event.target) || event.target === document.body;
    if (event.key !== "Escape" || event.defaultPrevented || !isHere || !this.#dialog.open || this.#dialog.matches(":modal")) return;
    if (document.querySelector("dialog:modal")) return;
    leave();
  }
}

function section(title, ...content) {
  return h("section", { className: "drawer-section" }, h("h3", {}, title), content);
}

function leave() {
  change({ [ITEM]: null });
}

async function undoDelete(item) {
  try {
    await restoreItem(item);
    toast(text.drawer.restored);
  } catch (error) {
    toastError(error);
  }
}

/** Returns the focus to what had opened the drawer, or to the link to the item if the table was drawn anew. */
function returnFocus(opener, key) {
  if (opener?.isConnected && opener !== document.body) {
    opener.focus();
    return;
  }
  const links = [...document.querySelectorAll("main a[href]")];
  links.find(({ href }) => new URL(href).searchParams.get(ITEM) === key)?.focus();
}

customElements.define("item-drawer", ItemDrawer);
