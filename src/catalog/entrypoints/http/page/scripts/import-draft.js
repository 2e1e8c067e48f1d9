// The file that somebody is about to import, with what was chosen for it. It outlives a change to another view.

import { request } from "./api.js";
import { debounced } from "./elements.js";
import { ImportJob } from "./import-job.js";
import { applyCure, importQuery, LAYOUT, noChoices } from "./import-parameters.js";

const START = 1024 * 1024;
const MAX_ARCHIVE = 16 * START;
const ZIP = "PK\u0003\u0004";

/** Fields that an export has and that nobody sets. */
const READ_ONLY = new Set(["id", "version", "created_at", "updated_at"]);

/** The choice that makes a column an attribute with a name like its own. */
export const ATTRIBUTE = "attribute";

/** Names that a list of names cannot have. */
const UNLISTABLE = /,|[\r\n]|^\s|\s$|^(all|none)$/;

/**
 * `inspection` is what the service makes of the file with these choices, `error` why it makes nothing of it, `isBusy` whether it
 * is being asked. `check` is the last trial, and `isStale` whether the choices have changed since. It dispatches `change`.
 */
export class ImportDraft extends EventTarget {
  file = null;
  choices = noChoices();
  inspection = null;
  error = null;
  isBusy = false;
  check = null;
  isStale = false;
  job = null;
  /** Columns that have the name of a field: they cannot be left out. */
  named = new Set();
  /** Columns whose field was guessed by their name. */
  guessed = new Set();
  #hasGuessed = false;
  #asking = new AbortController();
  #inspectSoon = debounced(150, () => this.inspect());

  /** Takes another file. Choices are kept for the mended rows of the last one. */
  choose(file, { keepChoices = false } = {}) {
    if (this.check?.isRunning) this.check.cancel().catch(() => {}); // nobody waits for it
    Object.assign(this, { file, inspection: null, error: null, check: null, isStale: false, job: null });
    if (!keepChoices) this.choices = noChoices();
    this.#forgetColumns({ keepChoices });
    if (file) this.inspect();
    else this.#tell();
  }

  /** Sets an option, and looks at the file again. */
  set(name, value) {
    this.choices.options[name] = value;
    if (LAYOUT.includes(name)) this.#forgetColumns({ keepChoices: name !== "profile" });
    if (name === "profile") this.#hasGuessed = Boolean(value);
    this.#changed();
  }

  /** Gives every row a value of a field; an empty one gives none. */
  setConstant(field, value) {
    this.choices.constants[field] = value.trim();
    this.#changed();
  }

  /** Makes columns what `field` says: a field, `attribute`, or nothing if it is empty. */
  match(columns, field) {
    const { map, attributes } = this.choices;
    for (const { name, attribute } of columns) {
      for (const [taken, from] of Object.entries(map)) if (from === name) delete map[taken];
      attributes.delete(name);
      this.guessed.delete(name);
      if (field !== ATTRIBUTE) {
        if (field) map[field] = name;
      } else if (UNLISTABLE.test(name)) map[`attr.${attribute}`] = name;
      else attributes.add(name);
    }
    this.#changed();
  }

  /** Whether the file is a workbook that is too large to be looked at. */
  get isTooLarge() {
    return this.error?.errors?.some(({ code }) => code === "incomplete_archive") ?? false;
  }

  /** The columns that are not imported and could be attributes. */
  get leftOut() {
    return this.#others.filter(({ field }) => field === null);
  }

  /** Changes what a cure of a refused row says. */
  apply(cure) {
    applyCure(this.choices, cure);
    this.#changed();
  }

  /** The parameters of the import. */
  get query() {
    const others = this.#others.map(({ name }) => name);
    return importQuery(this.choices, others);
  }

  /** The columns that are no other field and could be attributes. */
  get #others() {
    const columns = this.inspection?.columns ?? [];
    return columns.filter(({ name, field, attribute }) => attribute && !this.named.has(name) && !READ_ONLY.has(name) && !isPlain(field));
  }

  /** Asks the service what it makes of the file. Answers to older questions are dropped. */
  async inspect() {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    if (!this.file) return;
    this.isBusy = true;
    this.#tell();
    try {
      const body = await startOf(this.file);
      const headers = { "Content-Type": "application/octet-stream" };
      let query;
      do {
        query = this.query;
        this.inspection = (await request("POST", "/items/import/inspect", { query, body, headers, signal })).data;
        this.#adapt(this.inspection);
      } while (this.query.toString() !== query.toString());
      Object.assign(this, { error: null, isBusy: false });
    } catch (error) {
      if (signal.aborted) return;
      Object.assign(this, { error, isBusy: false });
    }
    this.#tell();
  }

  /** Tries the import. Nothing is written. */
  async try() {
    const query = this.query;
    query.set("dry_run", "true");
    this.isStale = false;
    this.check = this.#newJob();
    this.#tell();
    await this.check.start(this.file, query);
  }

  /** Imports the file. Resolves to whether the import has started. */
  async import() {
    this.job = this.#newJob(this.isStale ? null : this.check?.status?.rows);
    this.#tell();
    const hasStarted = await this.job.start(this.file, this.query);
    if (hasStarted) this.check = null;
    return hasStarted;
  }

  #newJob(expected = null) {
    const job = new ImportJob({ name: this.file.name, size: this.file.size, expected });
    job.addEventListener("change", () => this.#tell());
    return job;
  }

  /** Takes what an inspection offers, and drops what it shows to be wrong. */
  #adapt({ columns, detection, problem, profiles }) {
    const { map, attributes, options } = this.choices;
    const names = new Set(columns.map(({ name }) => name));
    for (const [field, column] of Object.entries(map)) if (!names.has(column)) delete map[field];
    for (const column of attributes) if (!names.has(column)) attributes.delete(column);
    for (const { name, field } of columns) if (field && map[field] !== name && !attributes.has(name)) this.named.add(name);
    if (!this.#hasGuessed) {
      this.#hasGuessed = true;
      if (problem && detection.records) options.records ??= detection.records;
      if (profiles.length && options.profile === undefined) options.profile = profiles[0].name;
      else if (!options.profile) this.#guess(columns);
    }
  }

  #guess(columns) {
    for (const { name, suggested } of columns) {
      if (!suggested || this.choices.map[suggested]) continue;
      this.choices.map[suggested] = name;
      this.guessed.add(name);
    }
  }

  #forgetColumns({ keepChoices }) {
    this.named.clear();
    this.guessed.clear();
    this.#hasGuessed = false;
    if (!keepChoices) Object.assign(this.choices, { map: {}, attributes: new Set() });
  }

  #changed() {
    this.isStale = true;
    this.isBusy = Boolean(this.file);
    this.#tell();
    this.#inspectSoon();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

/** The file of this page. */
export const draft = new ImportDraft();

/** Whether a field is one of the item itself, and no attribute. */
function isPlain(field) {
  return field !== null && !field.startsWith("attr.");
}

/** Returns what has to be sent to look at a file: its start, or all of a workbook, whose directory is at its end. */
async function startOf(file) {
  const isArchive = (await file.slice(0, ZIP.length).text()) === ZIP;
  return isArchive && file.size <= MAX_ARCHIVE ? file : file.slice(0, START);
}
