// Moves categories of a tree by dragging them: onto another one, or between two.

const EXPANDS_AFTER = 600;
const EDGE = 0.25;

/**
 * Lets the rows of an element be dragged. `tree` returns the tree that it shows, `expand` shows what is in a category, and `place`
 * is called with `{slug, parent, before}`.
 */
export function enableDragging(element, { tree, expand, place }) {
  let dragged = null;
  let expandTimer;

  function clear() {
    clearTimeout(expandTimer);
    for (const row of element.querySelectorAll("[data-drop]")) delete row.dataset.drop;
  }

  function dropOf(event) {
    const row = event.target.closest("[data-slug]");
    const drop = row && dragged && placeAt(tree(), dragged, row, event.clientY);
    return drop ? { row, ...drop } : null;
  }

  element.addEventListener("dragstart", (event) => {
    dragged = event.target.dataset?.slug ?? null;
    if (!dragged) return;
    event.dataTransfer.setData("text/plain", dragged);
    event.dataTransfer.effectAllowed = "move";
  });
  element.addEventListener("dragover", (event) => {
    const drop = dropOf(event);
    if (!drop) {
      clear();
      return;
    }
    event.preventDefault();
    if (drop.row.dataset.drop === drop.where) return;
    clear();
    drop.row.dataset.drop = drop.where;
    if (drop.where === "into") expandTimer = setTimeout(() => expand(drop.parent), EXPANDS_AFTER);
  });
  element.addEventListener("dragleave", (event) => {
    if (!element.contains(event.relatedTarget)) clear();
  });
  element.addEventListener("drop", (event) => {
    const drop = dropOf(event);
    if (!drop) return;
    event.preventDefault();
    place({ slug: dragged, parent: drop.parent, before: drop.before });
  });
  element.addEventListener("dragend", () => {
    dragged = null;
    clear();
  });
}

/** Returns where a drop at this height of a row puts a category; null if it would be within itself. */
function placeAt({ bySlug, roots }, slug, row, y) {
  const target = bySlug.get(row.dataset.slug);
  for (let each = target; each; each = bySlug.get(each.parent)) if (each.slug === slug) return null;
  const { top, height } = row.getBoundingClientRect();
  const part = (y - top) / height;
  if (part >= EDGE && part <= 1 - EDGE) return { where: "into", parent: target.slug, before: null };
  if (part < EDGE) return { where: "before", parent: target.parent, before: target.slug };
  const isOpen = row.getAttribute("aria-expanded") === "true";
  const parent = isOpen ? target.slug : target.parent;
  const siblings = (parent ? bySlug.get(parent).children : roots).filter((each) => each.slug !== slug);
  const next = isOpen ? siblings[0] : siblings[siblings.indexOf(target) + 1];
  return { where: "after", parent, before: next?.slug ?? null };
}
