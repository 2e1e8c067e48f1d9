// What happened to an item: who changed what, and when, and what it was before. Newest first.

import { request, segment } from "./api.js";
import { h } from "./elements.js";
import { ago, count, day, moment } from "./format.js";
import { differences, fieldLabel, fieldTexts, fieldValue } from "./item-fields.js";
import { stateOfError } from "./states.js";
import { text } from "./text.js";

const PAGE = 100;
const PAGES_AT_ONCE = 10;
const SHOWN_AT_FIRST = 10;
const LONG = 240;
const LONG_LINE = 40;

/** Reads changes of an item from a position on, at most ten pages. Returns them with `next`, the position where they go on, or null. */
export async function readHistory(key, after = null) {
  const changes = [];
  let knownSince;
  for (let page = 0; page < PAGES_AT_ONCE; page += 1) {
    const { data } = await request("GET", `/items/${segment(key)}/history`, { query: { after, limit: PAGE }, exact: true });
    changes.push(...data.changes);
    knownSince = data.known_since;
    after = data.next_after;
    if (after === null) break;
  }
  return { changes, next: after, knownSince };
}

/** `<item-history>` announces `revert-wanted` with the version as its `detail`. */
export class ItemHistory extends HTMLElement {
  #item;
  #mayRevert;
  #history = { changes: [] };
  #shown = SHOWN_AT_FIRST;

  /** Shows the history of an item as it is now. `mayRevert` says whether it can be made what it was. */
  async load(item, mayRevert) {
    if (item.id !== this.#item?.id) {
      this.#shown = SHOWN_AT_FIRST;
      this.#history = { changes: [] };
      this.replaceChildren();
    }
    this.#item = item;
    this.#mayRevert = mayRevert;
    await this.#readOn();
  }

  /** Reads the changes after those that are known. */
  async #readOn() {
    const item = this.#item;
    try {
      const known = this.#history.changes;
      const history = await readHistory(item.id, known.at(-1)?.seq);
      if (this.#item !== item || this.#history.changes !== known) return;
      this.#history = { ...history, changes: [...known, ...history.changes] };
      this.#show();
    } catch (error) {
      if (this.#item === item) this.replaceChildren(stateOfError(error, () => this.#readOn()));
    }
  }

  #show() {
    const { changes, next, knownSince } = this.#history;
    const shown = changes.toReversed().slice(0, this.#shown);
    const hidden = changes.length - shown.length;
    const content = [
      next !== null && h("button", { type: "button", onclick: () => this.#readOn() }, text.history.newer),
      h("ol", { className: "history" }, shown.map((entry) => this.#entry(entry))),
      hidden > 0 && h("button", { type: "button", onclick: () => this.#showMore() }, text.history.older(count(hidden))),
      !hidden && knownSince && h("p", { className: "field-hint" }, text.prices.knownSince(day(knownSince))),
    ];
    this.replaceChildren(...content.filter(Boolean));
  }

  #showMore() {
    const next = this.#shown;
    this.#shown += PAGE;
    this.#show();
    this.querySelectorAll(".history > li")[next]?.focus();
  }

  #entry(entry) {
    const keys = entry.after ? differences(entry.before, entry.after) : [];
    const isPresent = entry.version === this.#item.version;
    const canRevert = this.#mayRevert && entry.after && !isPresent;
    const label = text.history.revertTo(entry.version);
    const revert = () => this.dispatchEvent(new CustomEvent("revert-wanted", { bubbles: true, detail: entry.version }));
    return h(
      "li",
      { tabIndex: -1 },
      h(
        "p",
        { className: "history-head" },
        h("strong", {}, text.history.kinds[entry.kind] ?? entry.kind),
        " ",
        entry.actor !== undefined && text.history.by(entry.actor),
        " ",
        h("time", { dateTime: entry.at, title: moment(entry.at) }, ago(entry.at)),
        h("span", { className: "history-version" }, text.history.shortVersion(count(entry.version))),
        isPresent && h("span", { className: "history-present" }, text.history.present),
        canRevert && h("button", { type: "button", className: "link-button", onclick: revert, "aria-label": label }, text.history.revert),
      ),
      keys.length > 0 && h("dl", {}, keys.map((key) => difference(key, entry))),
    );
  }
}

function difference(key, { before, after }) {
  const [was, is] = fieldTexts(key, fieldValue(before, key), fieldValue(after, key));
  const arrow = h("span", { className: "history-arrow" }, "→");
  const isLong = was.length + is.length > LONG_LINE;
  return h(
    "div",
    { className: isLong ? "history-long" : "" },
    h("dt", {}, fieldLabel(key)),
    h("dd", {}, before && [h("del", {}, shortened(was)), arrow], h("ins", {}, shortened(is))),
  );
}

/** Returns the beginning of a long text, with a button for the rest. */
function shortened(value) {
  if (value.length <= LONG) return [value];
  const rest = h("span", { hidden: true }, value.slice(LONG));
  const show = () => {
    rest.hidden = false;
    more.remove();
  };
  const more = h("button", { type: "button", className: "link-button", onclick: show }, text.history.more);
  return [value.slice(0, LONG), rest, more];
}

customElements.define("item-history", ItemHistory);
