// The file before its import: how it is read, its first rows, its columns, the options, and a trial.

import { change, parameter } from "./address.js";
import { h } from "./elements.js";
import { bytes } from "./format.js";
import { draft } from "./import-draft.js";
import { rowTable } from "./import-rows.js";
import { text } from "./text.js";
import { toast } from "./toasts.js";

/** `<import-review>` shows the draft. It announces `file-wanted` if somebody wants another file. */
export class ImportReview extends HTMLElement {
  #watching;
  #name = h("h2", { className: "import-name" });
  #outcome = h("import-progress", { className: "card import-check", hidden: true });
  #notices = h("div", { className: "import-notices", "aria-live": "polite" });
  #skeleton = h("p", { className: "import-skeleton" }, text.import.reading);
  #reading = h("import-reading");
  #rows = h("section", { className: "import-section" });
  #columns = h("import-columns");
  #try = h("button", { type: "button", onclick: () => this.#check() }, text.import.check);
  #start = h("button", { type: "button", onclick: () => importDraft() }, text.import.start);
  #shown = null;

  connectedCallback() {
    this.#watching = new AbortController();
    const another = () => this.dispatchEvent(new CustomEvent("file-wanted", { bubbles: true }));
    this.replaceChildren(
      h("div", { className: "import-file" }, this.#name, h("button", { type: "button", onclick: another }, text.import.another)),
      h(
        "div",
        { className: "import-page" },
        h("div", { className: "import-main" }, this.#outcome, this.#notices, this.#skeleton, this.#reading, this.#rows, this.#columns),
        h(
          "aside",
          { className: "import-side card", "aria-label": text.import.options },
          h("import-options"),
          h("div", { className: "import-actions" }, h("p", { className: "field-hint" }, text.import.checkHint), this.#try, this.#start),
        ),
      ),
    );
    draft.addEventListener("change", () => this.#update(), { signal: this.#watching.signal });
    this.#update();
  }

  disconnectedCallback() {
    this.#watching.abort();
  }

  #update() {
    const { file, inspection, error, isBusy } = draft;
    if (!file) return;
    this.#name.replaceChildren(h("span", {}, file.name), h("small", {}, bytes(file.size)));
    this.setAttribute("aria-busy", isBusy);
    this.#updateCheck();
    this.#updateActions();
    const shown = error ?? inspection;
    if (this.#shown && (isBusy || this.#shown === shown)) return;
    this.#shown = shown;
    this.#notices.replaceChildren(...notices());
    this.#skeleton.hidden = Boolean(shown);
    this.#reading.hidden = !shown;
    const columns = error ? [] : (inspection?.columns ?? []);
    this.#columns.hidden = !columns.length;
    this.#rows.hidden = !columns.length || !hasFields(inspection.rows);
    if (this.#rows.hidden) return;
    const { firstRows: title, firstRowsHint: hint } = text.import;
    this.#rows.replaceChildren(h("h3", {}, title), h("p", { className: "field-hint" }, hint), firstRows());
  }

  #updateCheck() {
    const { check } = draft;
    this.#outcome.hidden = !check;
    if (check) this.#outcome.show(check, { apply: (cure) => draft.apply(cure), actions: () => this.#checkAgain() });
  }

  #updateActions() {
    const { inspection, error, check, isStale, isTooLarge } = draft;
    // A workbook that is too large to look at can be imported all the same.
    const isReady = error ? isTooLarge : inspection && !inspection.problem;
    const isChecked = check?.status?.status === "done" && check.status.refused < check.status.rows && !isStale;
    this.#try.disabled = this.#start.disabled = !isReady || Boolean(check?.isRunning);
    this.#try.classList.toggle("primary", !isChecked);
    this.#start.classList.toggle("primary", isChecked);
  }

  #checkAgain() {
    if (!draft.isStale) return [];
    const again = h("button", { type: "button", name: "again", onclick: () => this.#check() }, text.import.checkAgain);
    return [h("span", {}, text.import.stale), again];
  }

  #check() {
    draft.try();
    this.#outcome.scrollIntoView({ block: "start" });
    this.#outcome.querySelector("h2").focus({ preventScroll: true });
  }
}

async function importDraft() {
  if (!(await draft.import())) {
    if (draft.job.error.name === "AbortError") toast(text.import.nothingSent);
    return;
  }
  const show = () => change({ view: "import", import: draft.job.id });
  // Who has gone to another view meanwhile stays there.
  if (parameter("view") === "import") show();
  else toast(text.import.started(draft.file.name), { action: { label: text.import.show, run: show } });
}

/** Whether anything of the rows is known. */
function hasFields(rows) {
  return !rows.length || rows.some(({ fields }) => Object.keys(fields).length);
}

function firstRows() {
  const { rows } = draft.inspection;
  const properties = { className: "scroll", tabIndex: 0, role: "region", "aria-label": text.import.firstRows };
  return rows.length ? h("div", properties, rowTable(draft.inspection)) : h("p", {}, text.import.noRows);
}

function notices() {
  const { inspection, error } = draft;
  if (error) return [errorNotice(error)];
  if (!inspection) return [];
  const { problem, detected, warnings, truncated } = inspection;
  return [
    problem && notice("failed", problem.detail, text.import.problem),
    h("p", { className: "import-detected" }, text.import.readAs(detected), truncated && ` ${text.import.truncated}`),
    ...warnings.map((warning) => notice("warning", warning)),
  ].filter(Boolean);
}

/** What cannot be read has to be mended, everything else may go better the next time. */
function errorNotice(error) {
  if (draft.isTooLarge) return notice("warning", text.import.tooLargeHint, text.import.tooLarge);
  if (error.status === 422) return notice("failed", error.message, text.import.unreadable);
  const message = error.code === "offline" ? text.states.offlineHint : error.message;
  const element = notice("failed", message, error.code === "offline" ? text.states.offline : text.states.failed);
  element.append(h("button", { type: "button", onclick: () => draft.inspect() }, text.actions.retry));
  return element;
}

function notice(kind, message, title) {
  return h("div", { className: `import-notice import-notice-${kind}` }, title && h("strong", {}, title), h("p", {}, message));
}

customElements.define("import-review", ImportReview);
