// Short messages at the bottom of the page: what was done, perhaps with a way to undo it.

import { h } from "./elements.js";
import { text } from "./text.js";

const SHOWN_FOR = 8000;
const MOST = 4;

/**
 * Shows a message for some seconds, longer while the pointer or the focus is on it. `action` is `{label, run}`, such as Undo.
 * `kind` is "done" or "failed"; a failure stays until it is closed.
 */
export function toast(message, { action, kind = "done" } = {}) {
  const close = () => element.remove();
  const element = h(
    "div",
    { className: `toast toast-${kind}`, role: kind === "failed" ? "alert" : "status" },
    h("span", { className: "toast-message" }, message),
    action &&
      h(
        "button",
        {
          type: "button",
          className: "toast-action",
          onclick: () => {
            close();
            action.run();
          },
        },
        action.label,
      ),
    h("button", { type: "button", className: "icon-button", "aria-label": text.actions.close, onclick: close }, "×"),
  );
  const expire = () => {
    if (kind === "failed") return;
    if (element.matches(":hover, :focus-within")) setTimeout(expire, SHOWN_FOR);
    else close();
  };
  setTimeout(expire, SHOWN_FOR);
  const region = raisedRegion();
  region.append(element);
  while (region.children.length > MOST) region.firstElementChild.remove();
}

/** Shows why a request failed. Does nothing if it was aborted. */
export function toastError(error) {
  if (error.name !== "AbortError") toast(error.code === "offline" ? text.states.offline : error.message, { kind: "failed" });
}

/** Adds the place of the messages to the page. It must be there before they are, or they would not be spoken. */
export function addToasts(page) {
  const region = h("div", { className: "toasts", popover: "manual", "aria-live": "polite" });
  page.append(region);
  region.showPopover();
}

/** Returns the place of the messages, on top of the dialogs that have been opened since the last one. */
function raisedRegion() {
  const region = document.querySelector(".toasts");
  region.hidePopover();
  region.showPopover();
  return region;
}
