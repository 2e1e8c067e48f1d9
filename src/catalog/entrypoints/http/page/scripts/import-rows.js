// The first rows of a file, as an import would read them.

import { h } from "./elements.js";
import { price } from "./format.js";
import { cureButtons, refusalText } from "./import-refusals.js";
import { text } from "./text.js";

const FIELDS = ["sku", "name", "category", "price", "description", "attributes"];

/** Returns the table of the rows of an inspection. Columns of which no row has a value are left out. */
export function rowTable({ rows, problem }) {
  const words = text.import;
  const fields = FIELDS.filter((name) => rows.some((row) => row.fields[name] !== undefined));
  return h(
    "table",
    { className: "import-rows" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, words.line),
        fields.map((name) => h("th", { scope: "col", className: `import-cell-${name}` }, words.fields[name])),
      ),
    ),
    h("tbody", {}, rows.map((row) => itemRows(problem ? { ...row, refusals: [] } : row, fields))),
  );
}

function itemRows({ line, fields, refusals }, names) {
  const row = h(
    "tr",
    { className: refusals.length ? "import-refused" : "" },
    h("th", { scope: "row" }, line),
    names.map((name) => h("td", { className: `import-cell-${name}` }, h("div", {}, cell(name, fields[name])))),
  );
  const reasons = refusals.map((refusal) => h("p", {}, refusalText(refusal), cureButtons(refusal)));
  return refusals.length ? [row, h("tr", { className: "import-reasons" }, h("td"), h("td", { colSpan: names.length }, reasons))] : row;
}

function cell(name, value) {
  if (value === null) return h("em", {}, text.import.cleared);
  if (value === undefined) return "";
  if (name === "price") return priceText(value);
  if (typeof value !== "object") return String(value);
  return Object.entries(value).map(([key, each]) => h("span", { className: "import-attribute" }, h("b", {}, key), ` ${asText(each)}`));
}

/** A price that would be refused may have no currency, or one that no formatter knows. */
function priceText(value) {
  try {
    return price(value);
  } catch {
    return typeof value === "object" ? [value.amount, value.currency].filter(Boolean).join(" ") : String(value);
  }
}

function asText(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}
