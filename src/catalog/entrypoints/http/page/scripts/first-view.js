// What people came for is shown first. What can wait, such as the health badge, waits for it.

let isThere = false;

/** Tells what waits that the page shows what people came for. */
export function announceFirstView() {
  isThere = true;
  window.dispatchEvent(new CustomEvent("first-view"));
}

/** Calls `action` once that is shown, unless `signal` aborts before. */
export function afterFirstView(action, signal) {
  if (isThere) action();
  else window.addEventListener("first-view", action, { once: true, signal });
}
