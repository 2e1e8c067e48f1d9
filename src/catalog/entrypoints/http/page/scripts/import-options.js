// What an import does with rows of existing and new SKUs, and with unknown categories.

import { h } from "./elements.js";
import { field } from "./forms.js";
import { draft } from "./import-draft.js";
import { text } from "./text.js";

const CONFLICTS = ["fail", "skip", "update"];
const CONSTANTS = ["currency", "category"];

/** `<import-options>` are the choices of an import that do not depend on its file. */
export class ImportOptions extends HTMLElement {
  #watching;

  connectedCallback() {
    const words = text.import;
    this.#watching = new AbortController();
    this.replaceChildren(
      h(
        "fieldset",
        {},
        h("legend", {}, words.onConflict),
        CONFLICTS.map((value) => radio(value)),
        checkbox("create", words.create, { on: "", off: "false" }),
        checkbox("empty", words.empty, { on: "clear", off: "" }),
      ),
      h(
        "fieldset",
        {},
        h("legend", {}, words.rest),
        checkbox("create_categories", words.createCategories, { on: "true", off: "" }),
        checkbox("types", words.detectTypes, { on: "auto", off: "" }),
        checkbox("mode", words.allOrNothing, { on: "all_or_nothing", off: "" }),
      ),
      h("fieldset", { className: "import-constants" }, h("legend", {}, words.constants), CONSTANTS.map(constant)),
    );
    draft.addEventListener("change", () => this.#update(), { signal: this.#watching.signal });
    this.#update();
  }

  disconnectedCallback() {
    this.#watching.abort();
  }

  /** Shows what was chosen, also by a cure; but not where somebody is typing. */
  #update() {
    const { options, constants } = draft.choices;
    const conflict = options.on_conflict || CONFLICTS[0];
    for (const input of this.querySelectorAll("input")) {
      if (input.type === "radio") input.checked = input.value === conflict;
      else if (input.type === "checkbox") input.checked = (options[input.name] ?? "") === input.value;
      else if (input !== document.activeElement) input.value = constants[input.dataset.field] ?? "";
    }
    this.querySelector(`[name=create]`).closest("label").hidden = conflict !== "update";
    this.querySelector(`[name=empty]`).closest("label").hidden = conflict !== "update";
    const missing = (!draft.error && draft.inspection?.missing) || [];
    const mapping = draft.inspection?.mapping ?? {};
    for (const name of CONSTANTS) {
      const input = this.querySelector(`[data-field=${name}]`);
      input.closest(".field").hidden = name in mapping && !constants[name];
      input.closest(".field").querySelector(".field-error").textContent = missing.includes(name) ? text.import.needsCurrency : "";
      input.setAttribute("aria-invalid", missing.includes(name));
    }
    const isEmpty = [...this.querySelectorAll(".import-constants .field")].every((each) => each.hidden);
    this.querySelector(".import-constants").hidden = isEmpty;
  }
}

function radio(value) {
  const set = () => draft.set("on_conflict", value === CONFLICTS[0] ? "" : value);
  const input = h("input", { type: "radio", name: "on_conflict", value, onchange: set });
  return h("label", {}, input, h("span", {}, text.import.conflicts[value]));
}

/** Returns a checkbox of an option, whose value is `on` or `off`. */
function checkbox(name, label, { on, off }) {
  const input = h("input", { type: "checkbox", name, value: on, onchange: () => draft.set(name, input.checked ? on : off) });
  return h("label", {}, input, h("span", {}, label));
}

function constant(name) {
  const input = h("input", {
    "data-field": name,
    autocomplete: "off",
    spellcheck: false,
    size: 12,
    onchange: () => draft.setConstant(name, input.value),
  });
  return field(text.import.fields[name], input, { hint: text.import.constantHints[name] });
}

customElements.define("import-options", ImportOptions);
