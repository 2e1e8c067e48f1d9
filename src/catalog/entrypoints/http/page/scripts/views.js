// The views of the page, and who may see them.

import { text } from "./text.js";

const isUser = (me) => me.kind === "user";
const needs = (scope) => (me) => me.scopes.includes(scope);

/**
 * Each view: its name in the address, its element, its label, and whether a caller may see it. The first is the default. The elements
 * of the others may have to be loaded.
 */
export const VIEWS = [
  { name: "items", element: "items-view", label: text.views.items, isAllowed: needs("items:read") },
  { name: "categories", element: "categories-view", label: text.views.categories, isAllowed: needs("items:read") },
  { name: "import", element: "import-view", label: text.views.import, isAllowed: needs("items:import") },
  { name: "users", element: "users-view", label: text.views.users, isAllowed: (me) => isUser(me) && needs("users:admin")(me) },
  { name: "keys", element: "keys-view", label: text.views.keys, isAllowed: isUser },
  { name: "sessions", element: "sessions-view", label: text.views.sessions, isAllowed: isUser },
  { name: "audit", element: "audit-view", label: text.views.audit, isAllowed: needs("audit:read") },
];

/** Returns the views that a caller may see. */
export function viewsOf(me) {
  return VIEWS.filter((view) => view.isAllowed(me));
}
