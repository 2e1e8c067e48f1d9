// Attributes as rows of name, type and value.

import { ApiError } from "./api.js";
import { decimalText, shownNumber } from "./typed-number.js";
import { h } from "./elements.js";
import { exactNumber } from "./exact-json.js";
import { fieldText, typeOf } from "./item-fields.js";
import { text } from "./text.js";
import { TrackedField } from "./tracked-field.js";

const NAME = /^[a-z][a-z0-9_]{0,63}$/;
const INTEGER = /^-?\d+$/;
const NUMBER = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

/** A row. `original` is the name that the attribute has in the item, or null if it is new. */
class AttributeRow extends TrackedField {
  constructor(original, onremove) {
    const words = text.drawer.attribute;
    const name = h("input", { "aria-label": words.name, maxLength: 64, spellcheck: false, autocapitalize: "none", autocomplete: "off" });
    const type = h(
      "select",
      { "aria-label": words.type },
      Object.entries(text.drawer.types).map(([value, label]) => h("option", { value }, label)),
    );
    const place = h("div", { className: "attribute-control" });
    const remove = h("button", { type: "button", className: "icon-button", onclick: () => onremove(this) }, "×");
    const nameCell = h("div", { className: "attribute-name" }, name, fault());
    const valueCell = h("div", { className: "attribute-value" }, place, fault(), h("p", { className: "field-note" }));
    super(h("div", { className: "attribute-row", role: "group" }, nameCell, type, valueCell, remove), {
      write: (value) => {
        name.value = original ?? "";
        type.value = typeOf(value);
        setControl(value === null ? "" : String(value));
      },
      read: () => JSON.stringify([name.value, type.value, control().value]),
      value: () => READ[type.value](control().value),
    });
    const control = () => place.firstElementChild;
    const describe = () => {
      this.element.setAttribute("aria-label", name.value || words.new);
      control().setAttribute("aria-label", words.value(name.value));
      remove.setAttribute("aria-label", words.remove(name.value));
    };
    const setControl = (value) => {
      place.replaceChildren(controlOf(type.value, value));
      describe();
    };
    type.addEventListener("change", () => setControl(control().value));
    name.addEventListener("change", () => {
      name.value = name.value.trim().toLowerCase().replace(/[\s-]+/g, "_");
      describe();
    });
    this.original = original;
    this.nameInput = name;
    this.nameCell = nameCell;
    this.valueCell = valueCell;
    this.removeButton = remove;
  }

  get name() {
    return this.nameInput.value;
  }
}

/** `<attribute-rows>`: the attributes of an item, to edit. */
export class AttributeRows extends HTMLElement {
  #rows = [];
  #removed = new Map();
  #list = h("div", { className: "attribute-list" });
  #add = h("button", { type: "button", className: "link-button", onclick: () => this.#addEmpty() }, text.drawer.attribute.add);

  connectedCallback() {
    if (!this.firstChild) this.append(this.#list, this.#add);
  }

  /** Shows attributes as they are stored. */
  show(attributes) {
    this.#removed.clear();
    this.#rows = [];
    this.#list.replaceChildren();
    for (const [name, value] of Object.entries(attributes)) this.#addRow(name, value);
  }

  get isEdited() {
    return this.#removed.size > 0 || this.#rows.some((row) => row.isEdited);
  }

  /** Takes attributes as they are stored now; edits stay. Returns the names of those that somebody changed. */
  update(attributes) {
    const stored = new Map(Object.entries(attributes));
    const changed = [];
    for (const row of this.#rows.filter(({ original }) => original !== null)) {
      const value = stored.get(row.original) ?? null;
      if (value === null && !row.isEdited) this.#drop(row);
      else if (!row.update(value, (now) => fieldText("attributes.", now))) continue;
      changed.push(row.original);
    }
    const shown = new Set(this.#rows.map(({ original }) => original));
    for (const [name, value] of stored) {
      if (shown.has(name) || this.#removed.has(name)) continue;
      this.#addRow(name, value).mark();
      changed.push(name);
    }
    return changed;
  }

  /**
   * Returns what was edited, by the names of the attributes: `{base, mine}`, null for none. Throws ApiError for what is no
   * attribute, with pointers to the rows.
   */
  edits() {
    const edits = new Map([...this.#removed].map(([name, base]) => [name, { base, mine: null }]));
    const faults = [];
    const names = new Set();
    this.#rows.forEach((row, index) => {
      if (row.original === null && !row.isEdited) return;
      row.nameCell.dataset.pointer = `/attributes#${index}`;
      row.valueCell.dataset.pointer = `/attributes/${row.name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      const wrongName = names.has(row.name) ? text.drawer.attribute.twice : !NAME.test(row.name) && text.drawer.attribute.invalidName;
      if (wrongName) faults.push({ pointer: row.nameCell.dataset.pointer, detail: wrongName });
      names.add(row.name);
      if (!row.isEdited) return;
      if (row.original !== null && row.original !== row.name) edits.set(row.original, { base: row.base, mine: null });
      try {
        const base = row.original === row.name ? row.base : (this.#removed.get(row.name) ?? null);
        edits.set(row.name, { base, mine: row.value() });
      } catch (error) {
        faults.push({ pointer: row.valueCell.dataset.pointer, detail: error.message });
      }
    });
    if (faults.length) throw new ApiError(422, { code: "invalid_input", title: text.drawer.attribute.invalid, errors: faults });
    return edits;
  }

  #addRow(name, value) {
    const row = new AttributeRow(name, (removed) => this.#remove(removed));
    row.show(value);
    this.#rows.push(row);
    this.#list.append(row.element);
    return row;
  }

  #addEmpty() {
    this.#addRow(null, null).nameInput.focus();
  }

  #remove(row) {
    const index = this.#rows.indexOf(row);
    if (row.original !== null) this.#removed.set(row.original, row.base);
    this.#drop(row);
    (this.#rows[index]?.removeButton ?? this.#add).focus();
    this.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #drop(row) {
    this.#rows = this.#rows.filter((each) => each !== row);
    row.element.remove();
  }
}

/** What the controls of each type say, as a value of the API. Throws Error. */
const READ = {
  text: (typed) => typed,
  integer: (typed) => {
    const digits = typed.trim();
    if (!INTEGER.test(digits)) throw new Error(text.drawer.attribute.noInteger);
    return exactNumber(String(BigInt(digits)));
  },
  number: (typed) => {
    const digits = decimalText(typed).replace(/^(-?)0+(?=\d)/, "$1");
    if (!NUMBER.test(digits)) throw new Error(text.drawer.attribute.noNumber);
    return exactNumber(INTEGER.test(digits) ? `${digits}.0` : digits);
  },
  boolean: (chosen) => chosen === "true",
};

function controlOf(type, value) {
  if (type === "boolean") {
    const options = [true, false].map((each) => h("option", { value: each }, text.drawer.truth[each]));
    const select = h("select", {}, options);
    select.value = value === "true";
    return select;
  }
  // An <input> would swallow line ends.
  if (type === "text" && value.includes("\n")) return h("textarea", { value, rows: 2 });
  const shown = type === "number" ? shownNumber(value) : value;
  return h("input", { value: shown, autocomplete: "off", inputMode: { integer: "numeric", number: "decimal" }[type] ?? "text" });
}

function fault() {
  return h("p", { className: "field-error", role: "alert" });
}

customElements.define("attribute-rows", AttributeRows);
