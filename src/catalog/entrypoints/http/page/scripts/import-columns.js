// The columns of a file, and the field that each of them becomes.

import { h } from "./elements.js";
import { ATTRIBUTE, draft } from "./import-draft.js";
import { text } from "./text.js";

const FIELDS = ["sku", "name", "description", "category", "price", "currency", "attributes"];

/** `<import-columns>` has a row for each column of the draft's file. Rows stay while the file has the same columns. */
export class ImportColumns extends HTMLElement {
  #watching;
  #takeAll = h("button", { type: "button", onclick: () => draft.match(draft.leftOut, ATTRIBUTE) });
  #body = h("tbody");
  #rows = [];
  #key = "";

  connectedCallback() {
    const words = text.import;
    this.#watching = new AbortController();
    const titles = [words.column, words.samples, words.becomes].map((title) => h("th", { scope: "col" }, title));
    this.replaceChildren(
      h("div", { className: "import-heading" }, h("h3", {}, words.columns), this.#takeAll),
      h("table", { className: "import-columns" }, h("thead", {}, h("tr", {}, titles)), this.#body),
    );
    draft.addEventListener("change", () => this.#update(), { signal: this.#watching.signal });
    this.#update();
  }

  disconnectedCallback() {
    this.#watching.abort();
  }

  #update() {
    if (!draft.inspection) return;
    const { columns } = draft.inspection;
    const key = JSON.stringify(columns.map(({ name, attribute, type, samples }) => [name, attribute, type, samples]));
    if (this.#key !== key) {
      this.#key = key;
      this.#rows = columns.map(columnRow);
      this.#body.replaceChildren(...this.#rows.map(({ row }) => row));
    }
    if (!draft.isBusy) columns.forEach((column, index) => this.#rows[index].update(column));
    const others = draft.leftOut.length;
    this.#takeAll.hidden = !others;
    this.#takeAll.textContent = text.import.takeAll(others);
  }
}

function columnRow(column) {
  const { name, attribute, type, samples } = column;
  const words = text.import;
  const leftOut = h("option", { value: "" }, words.leftOut);
  const select = h(
    "select",
    { "aria-label": words.becomesLabel(name), onchange: () => draft.match([column], select.value) },
    leftOut,
    FIELDS.map((each) => h("option", { value: each }, words.fields[each])),
    attribute && h("option", { value: ATTRIBUTE }, words.asAttribute(attribute, words.types[type])),
  );
  const guess = h("span", { className: "tag" }, words.guessed);
  const row = h(
    "tr",
    {},
    h("th", { scope: "row" }, name || words.nameless),
    h("td", { className: "import-samples" }, samples.length ? samples.map((each) => h("code", {}, each)) : words.blank),
    h("td", {}, h("div", { className: "import-becomes" }, select, guess)),
  );
  const update = ({ field }) => {
    row.className = field ? "" : "import-left-out";
    // A column that has the name of a field is that field, unless another column is.
    leftOut.hidden = leftOut.disabled = draft.named.has(name);
    guess.hidden = !draft.guessed.has(name);
    select.value = field?.startsWith("attr.") ? ATTRIBUTE : (field ?? "");
  };
  return { row, update };
}

customElements.define("import-columns", ImportColumns);
