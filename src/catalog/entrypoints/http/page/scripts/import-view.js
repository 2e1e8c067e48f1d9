// Importing a file: choosing it, looking at it, importing it.

import { change, onAddressChange, parameter } from "./address.js";
import { h } from "./elements.js";
import { draft } from "./import-draft.js";
import { ImportJob } from "./import-job.js";
import { text } from "./text.js";

const IMPORT = "import";
const ACCEPTED = ".csv,.tsv,.txt,.tab,.json,.jsonl,.ndjson,.xlsx,.ods,.gz,.bz2,.xz,.zst,.zip,text/csv,application/json";

/** `<import-view>` shows the import in the address, or else the draft, or else asks for a file. */
export class ImportView extends HTMLElement {
  #watching;
  #content = h("div");
  #input = h("input", { type: "file", accept: ACCEPTED, hidden: true, onchange: () => this.#choose(this.#input.files[0]) });
  #keepChoices = false;

  connectedCallback() {
    this.#watching = new AbortController();
    const { signal } = this.#watching;
    this.replaceChildren(h("h1", {}, text.import.title), this.#input, this.#content);
    // Who comes back from another view finds the import that is running.
    if (!parameter(IMPORT) && draft.job?.id && draft.job.isRunning) change({ [IMPORT]: draft.job.id }, { replace: true });
    onAddressChange(() => this.#update(), signal);
    draft.addEventListener("change", () => this.#update(), { signal });
    this.addEventListener("file-wanted", () => this.#ask());
    // A file that misses the view would replace the page.
    window.addEventListener("dragover", (event) => this.#drag(event), { signal });
    window.addEventListener("drop", (event) => this.#drop(event), { signal });
    window.addEventListener("dragleave", (event) => !event.relatedTarget && this.classList.remove("dropping"), { signal });
    window.addEventListener("beforeunload", (event) => draft.job?.isUploading && event.preventDefault(), { signal });
    this.#update();
  }

  disconnectedCallback() {
    this.#watching.abort();
  }

  #update() {
    const id = parameter(IMPORT);
    const isSending = draft.job && !draft.job.id && draft.job.error?.name !== "AbortError";
    if (id) this.#showJob(ImportJob.find(id));
    else if (isSending) this.#showJob(draft.job);
    else if (draft.file) this.#show("import-review");
    else if (!this.#content.querySelector(".import-drop")) this.#content.replaceChildren(this.#chooser());
  }

  #show(name) {
    if (this.#content.firstElementChild?.localName !== name) this.#content.replaceChildren(h(name));
    return this.#content.firstElementChild;
  }

  #showJob(job) {
    const panel = this.#show("import-progress");
    panel.className = "card import-job";
    panel.show(job, { apply: (cure) => this.#mend(cure), actions: (ended) => this.#actions(ended) });
  }

  /** What can be done after an import: most often, look at the items. */
  #actions(job) {
    const words = text.import;
    const again = h("button", { type: "button", name: "again", onclick: () => this.#restart() }, words.another);
    if (job.error) return [draft.file && h("button", { type: "button", name: "back", onclick: () => this.#back() }, words.back), again];
    const mended = h("button", { type: "button", name: "mended", onclick: () => this.#ask({ keepChoices: true }) }, words.mended);
    return [h("a", { className: "button", href: location.pathname }, words.showItems), job.status.refused > 0 && mended, again];
  }

  /** Changes what a cure says, for the same file: rows that were imported are skipped then. */
  #mend(cure) {
    if (!draft.choices.options.on_conflict) draft.set("on_conflict", "skip");
    draft.apply(cure);
    this.#back();
    if (!draft.file) this.#ask({ keepChoices: true });
  }

  #back() {
    draft.job = null;
    change({ [IMPORT]: null });
    this.#update();
  }

  #restart() {
    draft.choose(null);
    this.#back();
    this.querySelector(".import-drop button").focus();
  }

  #chooser() {
    const words = text.import;
    return h(
      "div",
      { className: "import-drop" },
      h("p", { className: "import-drop-title" }, words.drop),
      h("button", { type: "button", className: "primary", onclick: () => this.#ask() }, words.choose),
      h("p", { className: "field-hint" }, words.formats),
    );
  }

  #ask({ keepChoices = false } = {}) {
    this.#keepChoices = keepChoices;
    this.#input.value = "";
    this.#input.click();
  }

  #choose(file) {
    if (!file) return;
    draft.choose(file, { keepChoices: this.#keepChoices });
    this.#keepChoices = false;
    change({ [IMPORT]: null });
  }

  #drag(event) {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = this.#isFree ? "copy" : "none";
    this.classList.toggle("dropping", this.#isFree);
  }

  #drop(event) {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    this.classList.remove("dropping");
    if (this.#isFree) this.#choose(event.dataTransfer.files[0]);
  }

  /** Whether another file may be dropped: not during an import. */
  get #isFree() {
    return !(parameter(IMPORT) ? ImportJob.find(parameter(IMPORT)) : draft.job)?.isRunning;
  }
}

customElements.define("import-view", ImportView);
