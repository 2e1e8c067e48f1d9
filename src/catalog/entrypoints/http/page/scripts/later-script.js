// The script with the elements that the first view can do without.

let loading = null;

/** Loads the script, once. Resolves when its elements are defined. Throws TypeError if it can't be loaded. */
export function loadLater() {
  loading ??= import(document.querySelector("catalog-page").dataset.later).catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}
