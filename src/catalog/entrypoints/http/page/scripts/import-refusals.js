// The refused rows of an import: where, what, why, and what would help.

import { h } from "./elements.js";
import { count } from "./format.js";
import { draft } from "./import-draft.js";
import { curesOf, isApplied } from "./import-parameters.js";
import { text } from "./text.js";

/** Returns the table of refusals. A cure that is a parameter is a button, which calls `apply` with it. */
export function refusalTable(refusals, apply) {
  const words = text.import;
  const hasCures = refusals.some(({ cure }) => cure);
  const titles = [words.line, words.column, words.value, words.reason, hasCures && words.cure].filter(Boolean);
  return h(
    "table",
    { className: "import-refusals" },
    h("thead", {}, h("tr", {}, titles.map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, refusals.map((refusal) => refusalRow(refusal, apply, hasCures))),
  );
}

/** Returns why a row is refused, with the column if there is one. */
export function refusalText({ column, field, detail }) {
  const place = column || field;
  return place ? `${place}: ${detail}` : detail;
}

function refusalRow(refusal, apply, hasCures) {
  const { line, last_line: lastLine, column, field, value, detail, cure } = refusal;
  const words = text.import;
  const lines = lastLine ? `${count(line)}–${count(lastLine)}` : count(line);
  const cures = cureButtons(refusal, apply);
  return h(
    "tr",
    {},
    h("th", { scope: "row", "data-label": words.line }, lines),
    h("td", { "data-label": words.column }, column || words.fields[field] || field || words.wholeRow),
    h("td", { "data-label": words.value }, value ? h("code", {}, value) : ""),
    h("td", { "data-label": words.reason }, detail),
    hasCures && h("td", { "data-label": words.cure }, cures.length ? cures : cure),
  );
}

/** Returns a button for each alternative of a refusal's cure that is a parameter. It changes the draft, unless `apply` does more. */
export function cureButtons({ line, cure }, apply = (each) => draft.apply(each)) {
  return curesOf(cure).map((each) => cureButton(each, line, apply));
}

function cureButton(cure, line, apply) {
  const parameter = `${cure.name}=${cure.value}`;
  const label = text.import.cures[parameter] ?? cureLabel(cure);
  const properties = { type: "button", className: "link-button import-cure", name: `${line} ${parameter}`, onclick: () => apply(cure) };
  return h("button", properties, isApplied(draft.choices, cure) ? text.import.applied(label) : label);
}

function cureLabel({ name, value }) {
  const [field, ...rest] = value.split("=");
  if (name === "set") return text.import.cureSet(text.import.fields[field] ?? field, rest.join("="));
  if (name === "type") return text.import.cureType(field.replace("attr.", ""), text.import.types[rest.join("=")] ?? rest.join("="));
  return `${name}=${value}`;
}
