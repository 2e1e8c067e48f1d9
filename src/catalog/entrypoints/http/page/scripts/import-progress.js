// What has become of a file: its upload, the progress of the import, and the result with the refused rows.

import { apiUrl, segment } from "./api.js";
import { h } from "./elements.js";
import { bytes, count, duration } from "./format.js";
import { refusalTable } from "./import-refusals.js";
import { replaceKeepingFocus } from "./keep-focus.js";
import { text } from "./text.js";
import { toastError } from "./toasts.js";

const COUNTS = ["created", "updated", "unchanged", "skipped", "refused", "categories"];
const PACKED = ["xlsx", "ods"];

/**
 * `<import-progress>` shows an ImportJob, which is given to `show` and followed. `apply` is called with the cure of a refused row;
 * `actions` returns what can be done with a job that has ended.
 */
export class ImportProgress extends HTMLElement {
  #title = h("h2", { tabIndex: -1, role: "status" });
  #name = h("p", { className: "import-detected" });
  #body = h("div", { className: "import-outcome" });
  #job = null;
  #watching = new AbortController();

  disconnectedCallback() {
    this.#watching.abort();
  }

  show(job, { apply, actions }) {
    if (this.#job !== job) {
      this.#watching.abort();
      this.#watching = new AbortController();
      this.#job = job;
      job.addEventListener("change", () => this.#update(apply, actions), { signal: this.#watching.signal });
      this.#name.textContent = job.name;
      this.replaceChildren(h("div", {}, this.#title, this.#name), this.#body);
    }
    this.#update(apply, actions);
  }

  #update(apply, actions) {
    const job = this.#job;
    const title = titleOf(job);
    // A status is spoken when its text is set, so it is set only when it is another.
    if (this.#title.textContent !== title) this.#title.textContent = title;
    this.dataset.state = stateOf(job);
    const content = job.isRunning ? running(job) : ended(job, apply);
    replaceKeepingFocus(this.#body, content, h("div", { className: "import-actions" }, job.isRunning ? cancelButton(job) : actions(job)));
  }
}

/** Returns the state of a job in a word: "running", "done", "mended" if rows were refused, or "failed". */
function stateOf({ isRunning, error, status }) {
  if (isRunning) return "running";
  if (error || status.status !== "done") return "failed";
  return status.refused || status.deletion_refused ? "mended" : "done";
}

function titleOf(job) {
  const words = text.import.titles;
  if (job.isUploading) return words.uploading;
  if (job.error) return job.error.name === "AbortError" ? words.aborted : words.failed;
  const { status, dry_run: isTrial, refused } = job.status;
  if (status === "running") return isTrial ? words.checking : words.importing;
  if (status !== "done") return words[status];
  if (isTrial) return refused ? words.checkedRefused(refused) : words.checked;
  return refused ? words.doneRefused(refused) : words.done;
}

function running(job) {
  const words = text.import;
  const { sent, size, status, isUploading } = job;
  const bar = h("progress", { "aria-label": titleOf(job), max: 1, value: shareOf(job) });
  if (isUploading) return [bar, h("p", { className: "import-facts" }, words.uploaded(bytes(sent), bytes(size)))];
  const left = timeLeft(job);
  const facts = [
    words.rowsDone(status.rows),
    status.rate && words.rate(count(Math.round(status.rate))),
    left !== null && words.timeLeft(duration(left)),
    status.refused && words.refusedSoFar(status.refused),
  ];
  return [
    bar,
    h("p", { className: "import-facts" }, facts.filter(Boolean).join(" · ")),
    job.isLost && h("p", { className: "import-note" }, words.lost),
  ];
}

/** Returns how much of a job is done, from 0 to 1; null if that cannot be known. */
function shareOf({ isUploading, sent, size, expected, status }) {
  if (isUploading) return size ? sent / size : null;
  if (expected) return Math.min(status.rows / expected, 1);
  const { format, compression } = status.detection ?? {};
  // The start of a workbook is at its end, so what was read of it says nothing.
  if (!size || !format || PACKED.includes(format) || compression === "zip") return null;
  return Math.min(status.bytes / size, 1);
}

function timeLeft(job) {
  const share = shareOf(job);
  const { rows, rate } = job.status;
  return share && rate ? (rows / rate) * (1 / share - 1) : null;
}

function cancelButton(job) {
  const cancel = () => job.cancel().catch(toastError);
  const label = job.isCancelling ? text.import.cancelling : text.actions.cancel;
  return h("button", { type: "button", name: "cancel", disabled: job.isCancelling, onclick: cancel }, label);
}

function ended(job, apply) {
  const { error, status } = job;
  const words = text.import;
  if (error) return h("p", {}, error.name === "AbortError" ? words.nothingSent : (words.errors[error.status] ?? error.message));
  // How the file was read, a trial's reader sees beside it.
  const reading = status.dry_run ? [] : status.warnings;
  const notes = [status.error, status.deletion_refused, words.hints[status.status], ...reading].filter(Boolean);
  return [
    notes.map((note) => h("p", { className: "import-note" }, note)),
    status.rows > 0 && counts(status),
    !status.dry_run && status.detected && h("p", { className: "import-detected" }, words.readAs(status.detected)),
    job.refusals.length > 0 && refusals(job, apply),
  ];
}

function refusals(job, apply) {
  const box = { className: "scroll", tabIndex: 0, role: "region", "aria-label": text.import.refusals };
  return [h("div", box, refusalTable(job.refusals, apply)), h("p", { className: "import-download" }, download(job))];
}

function counts(status) {
  const words = text.import.counts;
  const shown = COUNTS.filter((name) => status[name] > 0 || name === "created");
  return h(
    "dl",
    { className: "import-counts" },
    [["rows", words.rows], ...shown.map((name) => [name, status.dry_run ? (words.trial[name] ?? words[name]) : words[name]])].map(
      ([name, label]) => h("div", { "data-count": name }, h("dd", {}, count(status[name])), h("dt", {}, label)),
    ),
  );
}

function download(job) {
  const { id, refused, detection } = job.status;
  const stem = job.name.replace(/(\.\w{1,5}){1,2}$/, "");
  const name = `${stem ? `${stem}-` : ""}refused.${detection?.format.startsWith("json") ? "jsonl" : "csv"}`;
  const href = apiUrl(`/imports/${segment(id)}/errors`, { format: "csv" });
  const more = () => job.readRefusals().catch(toastError);
  return [
    h("a", { className: "button", href, download: name }, text.import.download(refused)),
    job.canReadMore && h("button", { type: "button", name: "more", onclick: more }, text.import.more),
    h("span", {}, job.hasMoreRefusals && text.import.firstReasons(job.refusals.length), text.import.downloadHint),
  ];
}

customElements.define("import-progress", ImportProgress);
