// Edits that were left without being saved. They are kept until the page is closed, which asks first.

import { caller } from "./session.js";

const editors = new Map();
let owner;

/** Keeps an `<item-editor>` with its edits. */
export function keepEdits(editor) {
  owner = caller()?.username;
  editors.set(editor.item.id, editor);
}

/** Returns the editor with the edits of an item, once; or undefined. */
export function keptEdits(id) {
  const editor = editors.get(id);
  editors.delete(id);
  return editor;
}

// They are not for whoever signs in next.
window.addEventListener("identified", () => {
  if (caller()?.username !== owner) editors.clear();
});

window.addEventListener("beforeunload", (event) => {
  if (editors.size || document.querySelector("item-editor")?.isEdited) event.preventDefault();
});
