// Links to the next page of a list, and back to the first.

import { address, parameters } from "./address.js";
import { h } from "./elements.js";

/** Returns the links. `labels` has `pages`, `first` and `more`; `next` is the cursor of the next page, or null. */
export function pageLinks(labels, next) {
  const isFirst = !parameters().has("cursor");
  if (isFirst && !next) return [];
  return [
    h(
      "nav",
      { className: "page-links", "aria-label": labels.pages },
      !isFirst && h("a", { className: "button", href: to(null) }, labels.first),
      next && h("a", { className: "button", href: to(next) }, labels.more),
    ),
  ];
}

function to(cursor) {
  const next = parameters();
  if (cursor) next.set("cursor", cursor);
  else next.delete("cursor");
  return address(next);
}
