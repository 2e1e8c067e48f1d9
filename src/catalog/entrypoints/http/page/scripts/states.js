// What is shown instead of content: nothing there, no right to see it, no connection, a failure.

import { ApiError } from "./api.js";
import { h } from "./elements.js";
import { text } from "./text.js";

/** Returns a state with a title, a hint and actions. `kind` is "empty", "loading", "offline", "forbidden" or "failed". */
export function state(kind, title, hint, ...actions) {
  return h("div", { className: `state state-${kind}`, "aria-busy": kind === "loading" }, h("h2", {}, title), hint && h("p", {}, hint), actions);
}

/** Returns the state for what was thrown; `retry` is what its button does. */
export function stateOfError(error, retry) {
  if (!(error instanceof ApiError)) throw error;
  const again = h("button", { type: "button", onclick: retry }, text.actions.retry);
  if (error.code === "offline") return state("offline", text.states.offline, text.states.offlineHint, again);
  if (error.status === 403) return state("forbidden", text.states.forbidden, text.states.forbiddenHint(error.problem.required ?? ""));
  return state("failed", text.states.failed, error.message, again);
}
