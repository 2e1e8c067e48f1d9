// The columns of a file, and the field that each of them becomes.

import { h } from "./elements.js";
import { ATTRIBUTE, draft } from "./import-draft.js";
import { text } from "./text.js";

const FIELDS = ["sku", "name", "description", "category", "price", "currency", "attributes"];

/** Returns the table of the draft's columns. */
export function columnTable() {
  const words = text.import;
  return h(
    "table",
    { className: "import-columns" },
    h(
      "thead",
      {},
      h("tr", {}, [words.column, words.samples, words.becomes].map((title) => h("th", { scope: "col" }, title))),
    ),
    h("tbody", {}, draft.inspection.columns.map(columnRow)),
  );
}

/** Returns a button that takes all columns that are left out as attributes, if there are any. */
export function takeAllButton() {
  const columns = draft.leftOut;
  if (!columns.length) return null;
  const take = () => draft.match(columns, ATTRIBUTE);
  return h("button", { type: "button", name: "take-all", onclick: take }, text.import.takeAll(columns.length));
}

function columnRow(column, index) {
  const select = fieldSelect(column, `column ${index}`);
  const samples = column.samples.length ? column.samples.map((each) => h("code", {}, each)) : text.import.blank;
  const isGuessed = draft.guessed.has(column.name);
  return h(
    "tr",
    { className: column.field ? "" : "import-left-out" },
    h("th", { scope: "row" }, column.name || text.import.nameless),
    h("td", { className: "import-samples" }, samples),
    h("td", {}, h("div", { className: "import-becomes" }, select, isGuessed && h("span", { className: "tag" }, text.import.guessed))),
  );
}

function fieldSelect(column, name) {
  const words = text.import;
  const isNamed = draft.named.has(column.name);
  const select = h(
    "select",
    { name, "aria-label": words.becomesLabel(column.name), onchange: () => draft.match([column], select.value) },
    !isNamed && h("option", { value: "" }, words.leftOut),
    FIELDS.map((each) => h("option", { value: each }, words.fields[each])),
    column.attribute && h("option", { value: ATTRIBUTE }, words.asAttribute(column.attribute, words.types[column.type])),
  );
  select.value = column.field?.startsWith("attr.") ? ATTRIBUTE : (column.field ?? "");
  return select;
}
