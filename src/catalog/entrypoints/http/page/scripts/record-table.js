// Tables of users, keys, sessions and events; on phones, cards.

import { h } from "./elements.js";
import { ago, instant } from "./format.js";

/**
 * Returns a table. Each column is `{label, cell, className}`; `cell` makes the content of a row's cell. A column without a label is
 * that of the row's buttons, named by `actions`. `rowClass` returns the class of a row.
 */
export function recordTable(label, columns, rows, { rowClass } = {}) {
  // The roles are those that the elements have; some browsers forget them when a table is shown as cards.
  const head = columns.map((column) => h("th", { scope: "col", role: "columnheader", className: column.className ?? "" }, column.label));
  return h(
    "div",
    { className: "records-box" },
    h(
      "table",
      { className: "records", role: "table", "aria-label": label },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
      h(
        "tbody",
        { role: "rowgroup" },
        rows.map((row) =>
          h(
            "tr",
            { role: "row", className: rowClass?.(row) ?? "" },
            columns.map((column) =>
              h("td", { role: "cell", className: column.className ?? "", "data-label": column.label }, column.cell(row)),
            ),
          ),
        ),
      ),
    ),
  );
}

/** Returns how long ago something was, with the exact time as its title; `missing` if there is no time. */
export function when(timestamp, missing = "–") {
  if (!timestamp) return h("span", { className: "muted" }, missing);
  return h("time", { dateTime: timestamp, title: instant(timestamp) }, ago(timestamp));
}

/** Returns a short word that stands out. `kind` is "plain", "good", "warning" or "bad". */
export function badge(kind, label) {
  return h("span", { className: `badge badge-${kind}` }, label);
}

/**
 * Returns a button of a row. `subject` tells whose it is to those who don't see the row, and finds it again after the table was read
 * anew.
 */
export function rowButton(label, subject, onclick, { danger = false } = {}) {
  const className = `row-button${danger ? " row-danger" : ""}`;
  return h("button", { type: "button", className, "aria-label": `${label}: ${subject}`, onclick }, label);
}
