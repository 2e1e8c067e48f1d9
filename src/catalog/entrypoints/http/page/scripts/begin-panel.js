// What an empty catalog offers: ways to begin, as far as the caller may.

import { address } from "./address.js";
import { h, svg } from "./elements.js";
import { askRest } from "./load-rest.js";
import { loadSampleItems, SAMPLE_SIZE } from "./sample-items.js";
import { may } from "./session.js";
import { state } from "./states.js";
import { text } from "./text.js";
import { toast, toastError } from "./toasts.js";

const ICONS = {
  create: "M12 5v14M5 12h14",
  sample: "M4 5h16v4H4zM4 10h16v4H4zM4 15h16v4H4z",
  import: "M12 4v11m-4-4 4 4 4-4M4 19h16",
};

/** `<begin-panel>` offers to create an item, to load the sample items and to import a file. */
export class BeginPanel extends HTMLElement {
  #hint = h("span", { className: "begin-hint" }, text.begin.sampleHint);

  connectedCallback() {
    const words = text.begin;
    const create = () => askRest("item-form-wanted");
    const choices = [
      may("items:create") && choice("create", words.createHint, { onclick: create }),
      may("items:import") && choice("sample", this.#hint, { onclick: ({ currentTarget }) => this.#loadSample(currentTarget) }),
      may("items:import") && choice("import", words.importHint, { href: address({ view: "import" }) }),
    ].filter(Boolean);
    if (!choices.length) {
      this.replaceChildren(state("empty", words.title, words.nobody));
      return;
    }
    const list = h("ul", { className: "begin-choices" }, choices);
    this.replaceChildren(h("section", { className: "begin" }, h("h2", {}, words.title), h("p", {}, words.hint), list));
  }

  /** The items may appear, and this panel go away, before all are loaded. */
  async #loadSample(button) {
    if (button.ariaDisabled === "true") return;
    const bar = h("progress", { max: SAMPLE_SIZE, value: 0, "aria-label": text.begin.loading });
    const done = h("span", {}, text.begin.loading);
    button.ariaDisabled = "true"; // it keeps the focus
    this.#hint.replaceChildren(done, bar);
    try {
      const loaded = await loadSampleItems((number) => {
        bar.value = number;
        done.textContent = text.begin.loaded(number, SAMPLE_SIZE);
      });
      toast(text.begin.done(loaded));
      document.querySelector("item-table")?.refresh();
    } catch (error) {
      toastError(error);
    } finally {
      button.ariaDisabled = null;
      this.#hint.replaceChildren(text.begin.sampleHint);
    }
  }
}

/** Returns an entry of the list: a button, or a link if there is an address. */
function choice(name, hint, properties) {
  const icon = svg("svg", { class: "begin-icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
  const label = h("span", { className: "begin-label" }, text.begin[name]);
  const content = [icon, label, typeof hint === "string" ? h("span", { className: "begin-hint" }, hint) : hint];
  const [tag, type] = properties.href ? ["a", null] : ["button", "button"];
  return h("li", {}, h(tag, { type, className: "begin-choice", ...properties }, content));
}

customElements.define("begin-panel", BeginPanel);
