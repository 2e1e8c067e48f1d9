// The state of the page in its address, so that a link, a reload and Back restore it. It is in the query of the page's URL.

/** Returns the parameters of the address. */
export function parameters() {
  return new URLSearchParams(location.search);
}

/** Returns the value of a parameter, or an empty text. */
export function parameter(name) {
  return parameters().get(name) ?? "";
}

/**
 * Changes parameters and tells the page. Values that are null or empty remove theirs; lists are repeated. With `replace`, the
 * present state gets no entry in the history, as for each letter of a search.
 */
export function change(changes, { replace = false } = {}) {
  const next = parameters();
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") next.append(name, each);
    }
  }
  go(next, { replace });
}

/** Goes to a state of the page: exactly these parameters. */
export function go(next, { replace = false } = {}) {
  const url = address(next);
  if (url === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", url);
  window.dispatchEvent(new CustomEvent("address-changed"));
}

/** Returns the address of a state, for links. */
export function address(next) {
  const query = new URLSearchParams(next).toString();
  return location.pathname + (query ? `?${query}` : "");
}

/** Calls `listener` whenever the address changes, until `signal` aborts. */
export function onAddressChange(listener, signal) {
  window.addEventListener("address-changed", listener, { signal });
  window.addEventListener("popstate", listener, { signal });
}
