// Uploads of files, with the progress that fetch does not tell. The browser reads the file itself: it never comes into memory.

import { ApiError, apiUrl } from "./api.js";
import { text } from "./text.js";

/**
 * Sends a file and returns `{status, data}`. `onprogress` gets the number of bytes that were sent. Throws ApiError, and AbortError
 * if `signal` aborts it.
 */
export function upload(path, { query, file, headers, onprogress, signal }) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", apiUrl(path, query));
    sending.responseType = "json";
    // The content decides what the file is. A media type of a form would be refused with a cookie.
    const all = { Accept: "application/json", "Content-Type": "application/octet-stream", ...headers };
    for (const [name, value] of Object.entries(all)) sending.setRequestHeader(name, value);
    sending.upload.onprogress = (event) => onprogress?.(event.loaded);
    sending.onload = () => {
      const { status, response } = sending;
      if (status < 300) {
        resolve({ status, data: response });
        return;
      }
      if (status === 401) window.dispatchEvent(new CustomEvent("signed-out"));
      reject(new ApiError(status, response ?? { code: "unexpected", title: sending.statusText }));
    };
    sending.onerror = () => reject(new ApiError(0, { code: "offline", detail: text.import.uploadFailed }));
    sending.onabort = () => reject(new DOMException("", "AbortError"));
    signal?.addEventListener("abort", () => sending.abort());
    sending.send(file);
  });
}
