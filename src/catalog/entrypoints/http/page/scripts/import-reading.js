// How a file is read: encoding, delimiter, decimal mark, sheet and layout, as detected, and what else they may be.

import { h } from "./elements.js";
import { field } from "./forms.js";
import { draft } from "./import-draft.js";
import { text } from "./text.js";

const TEXTS = ["csv", "tsv", "json", "jsonl"];
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

/** `<import-reading>` has a control for each choice that the draft's file has. They stay, so that nothing closes while it is used. */
export class ImportReading extends HTMLElement {
  #watching;
  #selects = {};

  connectedCallback() {
    this.#watching = new AbortController();
    for (const name of ["encoding", "delimiter", "decimal", "sheet", "profile"]) {
      const select = h("select", { name, onchange: () => draft.set(name, select.value) });
      this.#selects[name] = select;
      this.append(field(text.import[name], select));
    }
    draft.addEventListener("change", () => this.#update(), { signal: this.#watching.signal });
    this.#update();
  }

  disconnectedCallback() {
    this.#watching.abort();
  }

  #update() {
    const { inspection, isTooLarge } = draft;
    const words = text.import;
    const found = inspection?.detection ?? { format: isTooLarge ? "xlsx" : "csv" };
    const isText = TEXTS.includes(found.format);
    const sheets = inspection?.sheets ?? [];
    const profiles = inspection?.profiles ?? [];
    const delimiter = found.delimiter === "\t" ? "tab" : found.delimiter;
    this.#show("encoding", isText, detected("encoding", named(ENCODINGS), found.encoding));
    this.#show("delimiter", found.format === "csv", detected("delimiter", named(DELIMITERS, words.delimiters), delimiter));
    this.#show("decimal", !found.format.startsWith("json"), detected("decimal", Object.entries(words.decimals), found.decimal));
    this.#show("sheet", sheets.length > 1, detected("sheet", named(sheets), found.sheet));
    this.#show("profile", profiles.length > 0, [["", words.noProfile], ...profiles.map(({ name, title }) => [name, title])]);
  }

  #show(name, isShown, options) {
    const select = this.#selects[name];
    select.closest(".field").hidden = !isShown;
    setOptions(select, options);
    select.value = draft.choices.options[name] ?? "";
  }
}

/** Sets the options of a select, each a value and a title, unless it has them. */
function setOptions(select, options) {
  const key = JSON.stringify(options);
  if (select.dataset.options === key) return;
  select.dataset.options = key;
  select.replaceChildren(...options.map(([value, title]) => h("option", { value }, title)));
}

/** Returns options of which the first leaves the choice to the service, and says what that has detected. */
function detected(name, options, found) {
  const chosen = draft.choices.options[name];
  const known = !chosen || options.some(([value]) => value === chosen) ? options : [...options, [chosen, chosen]];
  const title = options.find(([value]) => value === found)?.[1] ?? found;
  return [["", chosen || !title ? text.import.automatic : text.import.detected(title)], ...known];
}

function named(values, titles = {}) {
  return values.map((value) => [value, titles[value] ?? value]);
}

customElements.define("import-reading", ImportReading);
