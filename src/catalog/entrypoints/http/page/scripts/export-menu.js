// Exports the items of the present filter as a file, which the browser downloads by itself.

import { apiUrl } from "./api.js";
import { openDialog } from "./dialogs.js";
import { h } from "./elements.js";
import { field } from "./forms.js";
import { decimalMark } from "./format.js";
import { isFiltered, listQuery } from "./item-query.js";
import { caller } from "./session.js";
import { text } from "./text.js";

const FORMATS = ["xlsx", "csv", "tsv", "json", "jsonl"];
const DELIMITERS = [",", ";", "tab", "|"];
const PAGING = ["cursor", "offset", "limit", "facet"];

/** `<export-menu>` is a button that asks for the format. Guests learn that exports need a sign-in. */
export class ExportMenu extends HTMLElement {
  connectedCallback() {
    const isGuest = caller()?.kind === "guest";
    this.replaceChildren(
      h(
        "button",
        { type: "button", "aria-haspopup": "dialog", "aria-disabled": isGuest ? "true" : null, onclick: () => open(isGuest) },
        text.export.open,
      ),
    );
  }
}

function open(isGuest) {
  const content = isGuest ? h("p", {}, text.export.guests) : exportForm(() => dialog.close());
  const dialog = openDialog(text.export.title, content, { className: "export-dialog" });
  dialog.querySelector("select")?.focus();
}

function exportForm(close) {
  const words = text.export;
  const filter = currentFilter();
  const format = select(FORMATS.map((value) => [value, words.formats[value]]));
  const delimiter = select(DELIMITERS.map((value) => [value, text.import.delimiters[value]]));
  const decimal = select(["point", "comma"].map((value) => [value, text.import.decimals[value]]));
  // Spreadsheets take a file of the reader's language as it is, and one of another apart.
  const hasComma = decimalMark() === ",";
  delimiter.value = hasComma ? ";" : ",";
  decimal.value = hasComma ? "comma" : "point";
  const table = h("div", { className: "export-table" }, field(text.import.delimiter, delimiter), field(text.import.decimal, decimal));
  const link = h("a", { className: "button primary", onclick: () => setTimeout(close) }, words.download);
  const update = () => {
    const isCsv = format.value === "csv";
    table.hidden = !isCsv;
    const query = new URLSearchParams(filter);
    query.set("format", format.value);
    if (isCsv) {
      query.set("delimiter", delimiter.value);
      if (decimal.value === "comma") query.set("decimal", "comma");
      query.set("encoding", "utf-8-sig"); // without its mark, Excel takes UTF-8 for something else
    }
    link.href = apiUrl("/items/export", query);
    link.download = `items.${format.value}`;
  };
  update();
  return h(
    "div",
    { className: "export-form", onchange: update },
    h("p", {}, isFiltered() ? words.filtered : words.all),
    field(words.format, format),
    table,
    h("footer", { className: "dialog-foot" }, h("button", { type: "button", onclick: close }, text.actions.cancel), link),
  );
}

function select(options) {
  return h("select", {}, options.map(([value, title]) => h("option", { value }, title)));
}

function currentFilter() {
  const query = listQuery();
  for (const name of PAGING) query.delete(name);
  return query;
}

customElements.define("export-menu", ExportMenu);
