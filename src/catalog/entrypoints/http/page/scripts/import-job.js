// An import, or a trial of one: the upload, and then the progress that the service reports until it has ended.

import { request, segment } from "./api.js";
import { upload } from "./import-upload.js";

const INTERVAL = 700;
const INTERVAL_IF_LOST = 3000;
const RUNNING = "running";

/** Reasons that a status has, and reasons that a page can show. */
const FIRST_REFUSALS = 20;
const MOST_REFUSALS = 500;

const jobs = new Map();

/**
 * What becomes of one file. It dispatches `change` whenever there is news.
 *
 * `sent` is the number of bytes that arrived at the service, `status` what `GET /imports/{id}` says, `error` why there is no
 * status, and `isLost` whether the service does not answer for the moment. `refusals` are the first reasons for refused rows.
 */
export class ImportJob extends EventTarget {
  status = null;
  error = null;
  isLost = false;
  isCancelling = false;
  sent = 0;
  #aborting = new AbortController();
  #moreRefusals = null;

  /** `expected` is the number of rows, if it is known from a trial. */
  constructor({ name = "", size = null, expected = null } = {}) {
    super();
    Object.assign(this, { name, size, expected });
  }

  get id() {
    return this.status?.id;
  }

  get isUploading() {
    return !this.status && !this.error;
  }

  get isRunning() {
    return this.isUploading || this.status?.status === RUNNING;
  }

  get refusals() {
    return this.#moreRefusals ?? this.status?.refusals ?? [];
  }

  /** Whether there may be more reasons than these. */
  get hasMoreRefusals() {
    return this.refusals.length === (this.#moreRefusals ? MOST_REFUSALS : FIRST_REFUSALS);
  }

  /** Whether `readRefusals` would find them. */
  get canReadMore() {
    return this.hasMoreRefusals && !this.#moreRefusals;
  }

  /** Reads more reasons, up to a number that a page can show. Throws ApiError. */
  async readRefusals() {
    const { body } = await request("GET", `${path(this.id)}/errors`);
    this.#moreRefusals = (await firstLines(body, MOST_REFUSALS)).map((line) => JSON.parse(line));
    this.#tell();
  }

  /** Sends the file, then follows the import. Resolves when it has started, to whether it has. */
  async start(file, query) {
    try {
      const { data } = await upload("/items/import", {
        query,
        file,
        headers: { Prefer: "respond-async" },
        onprogress: (sent) => {
          this.sent = sent;
          this.#tell();
        },
        signal: this.#aborting.signal,
      });
      jobs.set(data.id, this);
      remember(data.id, this);
      this.status = data;
      this.#follow(data.id);
    } catch (error) {
      this.error = error;
    }
    this.#tell();
    return !this.error;
  }

  /** Stops the upload, or the import before its next slice of rows. Throws ApiError. */
  async cancel() {
    this.#aborting.abort();
    if (!this.id) return;
    this.isCancelling = true;
    this.#tell();
    try {
      await request("DELETE", path(this.id));
    } catch (error) {
      this.isCancelling = false;
      this.#tell();
      throw error;
    }
  }

  async #follow(id) {
    do {
      try {
        this.status = (await request("GET", path(id))).data;
        this.isLost = false;
      } catch (error) {
        // Signed out, offline, restarting: the import may go on, so the page goes on asking.
        if ([403, 404].includes(error.status)) this.error = error;
        this.isLost = true;
      }
      this.#tell();
      await new Promise((resolve) => setTimeout(resolve, this.isLost ? INTERVAL_IF_LOST : INTERVAL));
    } while (!this.error && (!this.status || this.isRunning));
  }

  /** Returns the import with an id: as it is known here, or else as the service knows it. */
  static find(id) {
    if (!jobs.has(id)) {
      const job = new ImportJob(remembered(id));
      jobs.set(id, job);
      job.#follow(id);
    }
    return jobs.get(id);
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

function path(id) {
  return `/imports/${segment(id)}`;
}

/** Returns the first lines of a stream, of which no more is read. */
async function firstLines(stream, most) {
  const lines = [];
  let rest = "";
  for await (const part of partsOf(stream.pipeThrough(new TextDecoderStream()))) {
    lines.push(...(rest + part).split("\n"));
    rest = lines.pop();
    if (lines.length >= most) break;
  }
  return lines.slice(0, most);
}

/** Yields the parts of a stream, which not every browser can iterate over, and cancels it if no more are wanted. */
async function* partsOf(stream) {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    reader.cancel();
  }
}

/** Name, size and expected rows outlive a reload of the page. */
function remember(id, { name, size, expected }) {
  sessionStorage.setItem(`import ${id}`, JSON.stringify({ name, size, expected }));
}

function remembered(id) {
  return JSON.parse(sessionStorage.getItem(`import ${id}`) ?? "{}");
}
