// How a file is read: encoding, delimiter, decimal mark, sheet and layout, as detected, and what else they may be.

import { h } from "./elements.js";
import { field } from "./forms.js";
import { draft } from "./import-draft.js";
import { text } from "./text.js";

const ENCODINGS = [
  "utf-8",
  "utf-16",
  "windows-1252",
  "windows-1250",
  "windows-1251",
  "windows-1253",
  "windows-1254",
  "iso-8859-15",
  "cp437",
  "cp850",
  "mac-roman",
  "shift-jis",
  "gb18030",
  "big5",
  "euc-kr",
];
const DELIMITERS = [",", ";", "tab", "|", ":", "^", "~"];
const TEXTS = ["csv", "tsv", "json", "jsonl"];

/** Returns the controls of how the draft's file is read. */
export function readingControls() {
  const { inspection, choices } = draft;
  const found = inspection?.detection ?? { format: draft.isTooLarge ? "xlsx" : "csv" };
  const isText = TEXTS.includes(found.format);
  const words = text.import;
  return h(
    "div",
    { className: "import-reading" },
    isText && choice("encoding", words.encoding, names(ENCODINGS), found.encoding),
    found.format === "csv" && choice("delimiter", words.delimiter, labels(DELIMITERS, words.delimiters), delimiterName(found.delimiter)),
    !found.format.startsWith("json") && choice("decimal", words.decimal, Object.entries(words.decimals), found.decimal),
    inspection?.sheets.length > 1 && choice("sheet", words.sheet, names(inspection.sheets), found.sheet),
    layouts(inspection?.profiles ?? [], found.profile),
  );
}

/** Returns a select whose first option is what was detected. */
function choice(name, label, options, detected) {
  const chosen = draft.choices.options[name] ?? "";
  const known = options.some(([value]) => value === chosen) || !chosen ? options : [...options, [chosen, chosen]];
  const found = known.find(([value]) => value === detected)?.[1] ?? detected;
  const automatic = chosen || !found ? text.import.automatic : text.import.detected(found);
  const select = h(
    "select",
    { name, onchange: () => draft.set(name, select.value) },
    h("option", { value: "" }, automatic),
    known.map(([value, title]) => h("option", { value }, title)),
  );
  select.value = chosen;
  return field(label, select);
}

/** Returns the choice of the system that has exported the file, if its columns look like one's. */
function layouts(profiles, current) {
  if (!profiles.length) return null;
  const select = h(
    "select",
    { name: "profile", onchange: () => draft.set("profile", select.value) },
    h("option", { value: "" }, text.import.noProfile),
    profiles.map(({ name, title }) => h("option", { value: name }, title)),
  );
  select.value = current ?? "";
  return field(text.import.profile, select);
}

function delimiterName(delimiter) {
  return delimiter === "\t" ? "tab" : delimiter;
}

function names(values) {
  return values.map((value) => [value, value]);
}

function labels(values, titles) {
  return values.map((value) => [value, titles[value] ?? value]);
}
