// The rest of the page: what the first view does without. It is a script of its own, loaded when the first view is there or when
// somebody wants something of it, whatever is earlier.

import { ApiError } from "./api.js";
import { toastError } from "./toasts.js";

let loading = null;
let attempts = 0;

/** Loads the rest. Resolves when all elements are defined. Throws ApiError; the next call then tries again. */
export function loadRest() {
  loading ??= load();
  return loading;
}

/** Announces on `window` what the rest of the page does, once it is there. */
export async function askRest(name) {
  try {
    await loadRest();
    window.dispatchEvent(new CustomEvent(name));
  } catch (error) {
    toastError(error);
  }
}

async function load() {
  const url = new URL(document.querySelector("script[data-rest]").dataset.rest, location);
  if (attempts) url.search = attempts; // browsers remember that a script could not be loaded
  attempts += 1;
  try {
    const [rest, first] = await Promise.all([import(url), import(import.meta.url)]);
    rest.default(first);
  } catch (error) {
    loading = null;
    throw new ApiError(0, { code: "offline", detail: error.message });
  }
}
