// The file before its import: how it is read, its first rows, its columns, the options, and a trial.

import { change, parameter } from "./address.js";
import { h } from "./elements.js";
import { bytes } from "./format.js";
import { columnTable, takeAllButton } from "./import-columns.js";
import { draft } from "./import-draft.js";
import { readingControls } from "./import-reading.js";
import { rowTable } from "./import-rows.js";
import { replaceKeepingFocus } from "./keep-focus.js";
import { text } from "./text.js";
import { toast } from "./toasts.js";

/** `<import-review>` shows the draft. It announces `file-wanted` if somebody wants another file. */
export class ImportReview extends HTMLElement {
  #watching;
  #name = h("h2", { className: "import-name" });
  #check = h("import-progress", { className: "card import-check", hidden: true });
  #notices = h("div", { className: "import-notices", "aria-live": "polite" });
  #reading = h("div");
  #rows = h("section", { className: "import-section" });
  #columns = h("section", { className: "import-section" });
  #actions = h("div", { className: "import-actions" });
  #shown = null;

  connectedCallback() {
    this.#watching = new AbortController();
    const another = () => this.dispatchEvent(new CustomEvent("file-wanted", { bubbles: true }));
    this.replaceChildren(
      h("div", { className: "import-file" }, this.#name, h("button", { type: "button", onclick: another }, text.import.another)),
      h(
        "div",
        { className: "import-columns-of-page" },
        h("div", { className: "import-main" }, this.#check, this.#notices, this.#reading, this.#rows, this.#columns),
        h("aside", { className: "import-side card", "aria-label": text.import.options }, h("import-options"), this.#actions),
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
    replaceKeepingFocus(this.#reading, inspection || error ? readingControls() : skeleton());
    const columns = error ? [] : (inspection?.columns ?? []);
    this.#rows.hidden = !columns.length || !hasFields(inspection.rows);
    this.#columns.hidden = !columns.length;
    if (!columns.length) return;
    const words = text.import;
    const heading = h("div", { className: "import-heading" }, h("h3", {}, words.columns), takeAllButton());
    replaceKeepingFocus(this.#columns, heading, columnTable());
    this.#rows.replaceChildren(h("h3", {}, words.firstRows), h("p", { className: "field-hint" }, words.firstRowsHint), firstRows());
  }

  #updateCheck() {
    const { check } = draft;
    this.#check.hidden = !check;
    if (check) this.#check.show(check, { apply: (cure) => draft.apply(cure), actions: () => this.#checkAgain() });
  }

  #updateActions() {
    const { inspection, error, check, isStale, isBusy } = draft;
    const words = text.import;
    // A workbook that is too large to look at can be imported all the same.
    const isUnreadable = error ? !draft.isTooLarge : Boolean(inspection?.problem);
    const isBlocked = isBusy || isUnreadable || Boolean(check?.isRunning);
    const isChecked = check?.status?.status === "done" && check.status.refused < check.status.rows && !isStale;
    const tryIt = h("button", { type: "button", name: "try", disabled: isBlocked, onclick: () => this.#try() }, words.check);
    const start = h("button", { type: "button", name: "import", disabled: isBlocked, onclick: () => importDraft() }, words.start);
    (isChecked ? start : tryIt).className = "primary";
    replaceKeepingFocus(this.#actions, h("p", { className: "field-hint" }, words.checkHint), tryIt, start);
  }

  #checkAgain() {
    if (!draft.isStale) return [];
    const again = { type: "button", name: "again", disabled: draft.isBusy, onclick: () => this.#try() };
    return [h("span", {}, text.import.stale), h("button", again, text.import.checkAgain)];
  }

  #try() {
    draft.try();
    this.#check.scrollIntoView({ block: "start" });
    this.#check.querySelector("h2").focus({ preventScroll: true });
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

/** Keeps the place of what is read, so that nothing moves when it is. */
function skeleton() {
  return h("p", { className: "import-skeleton" }, text.import.reading);
}

customElements.define("import-review", ImportReview);
