// Requests to the API. The page uses nothing else.

import { parseExact, toJson } from "./exact-json.js";

/** The URL under which the service is published; the script is in the folder `page` below it. */
export const SERVICE = new URL("..", import.meta.url);

const API = new URL("api/v1/", SERVICE);

/** Paths where a 401 is an answer, and not the end of a session. */
const SIGNING_IN = ["/auth/me", "/auth/session", "/auth/setup", "/auth/logout"];

/** What went wrong with a request: a problem that the service reports (RFC 9457), or no connection to it. */
export class ApiError extends Error {
  /** `status` is 0 and `code` is `offline` if the service could not be reached. */
  constructor(status, problem, retryAfter = 0) {
    super(problem.detail ?? problem.title);
    this.status = status;
    /** The seconds to wait before the next try; 0 if the service names none. */
    this.retryAfter = retryAfter;
    this.code = problem.code;
    this.problem = problem;
    /** The problem of each field: `{pointer: "/price/amount", detail: "…", code: "…"}`. */
    this.errors = problem.errors ?? [];
  }
}

/** Returns the URL of a path of the API, with a query. Values that are null or empty are left out; lists are repeated. */
export function apiUrl(path, query) {
  const url = new URL(path.replace(/^\//, ""), API);
  for (const [name, value] of query instanceof URLSearchParams ? query : Object.entries(query ?? {})) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") url.searchParams.append(name, each);
    }
  }
  return url;
}

/**
 * Sends a request and returns `{status, data, etag, headers, body}`, of which `body` is the stream of a response that is not JSON.
 * `options` may have `query`, `json` (a value to send as JSON), `body` (anything else to send), `headers`, `etag` (for If-Match),
 * `signal`, and `exact` for data with ExactNumbers, as the attributes of items may have.
 *
 * Throws ApiError, and AbortError if `signal` aborts it. A 401 is also reported to the page, which asks to sign in again.
 */
export async function request(method, path, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  let { body } = options;
  if (options.json !== undefined) {
    headers["Content-Type"] ??= method === "PATCH" && !path.endsWith("/price") ? "application/merge-patch+json" : "application/json";
    body = toJson(options.json);
  }
  if (options.etag) headers["If-Match"] = options.etag;
  let response;
  try {
    response = await fetch(apiUrl(path, options.query), { method, headers, body, signal: options.signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { code: "offline", detail: error.message });
  }
  const isJson = /[/+]json\b/.test(response.headers.get("Content-Type") ?? "");
  const data = isJson ? await read(response, options.exact) : null;
  if (!response.ok) {
    if (response.status === 401 && !SIGNING_IN.includes(path)) window.dispatchEvent(new CustomEvent("signed-out"));
    const retryAfter = Number(response.headers.get("Retry-After")) || 0;
    throw new ApiError(response.status, data ?? { code: "unexpected", title: response.statusText }, retryAfter);
  }
  return { status: response.status, data, etag: response.headers.get("ETag"), headers: response.headers, body: response.body };
}

/** Reads JSON. A connection that breaks in the middle of it is no connection. */
async function read(response, exact) {
  try {
    return exact ? parseExact(await response.text()) : await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { code: "offline", detail: error.message });
  }
}

/** Percent-encodes an item's key, a slug or a name for a path. */
export const segment = encodeURIComponent;
