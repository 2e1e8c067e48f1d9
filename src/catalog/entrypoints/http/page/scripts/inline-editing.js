// Editing in the table, by keyboard or mouse: Enter or a double click opens a cell, Enter saves, Escape leaves, Tab saves and goes on.

import { CELL_EDITORS, isSame } from "./cell-editors.js";
import { h, newId } from "./elements.js";
import { itemOf } from "./item-row.js";
import { saveItem } from "./saving.js";
import { may } from "./session.js";
import { text } from "./text.js";

const CELL = "td[data-field]";
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** `<inline-editing>` lets the cells of the table be edited, by those who may. */
export class InlineEditing extends HTMLElement {
  connectedCallback() {
    const table = this.closest("items-view").querySelector("item-table");
    if (may("items:write") && !table.classList.contains("is-editable")) enableEditing(table);
  }
}

/** Lets the cells of an `<item-table>` be edited. A cell has `data-editing` meanwhile, so that nothing replaces it. */
function enableEditing(table) {
  table.classList.add("is-editable");
  const offer = () => {
    if (!table.querySelector(`${CELL}[tabindex="0"]`)) table.querySelector(CELL)?.setAttribute("tabindex", "0");
  };
  table.addEventListener("page-shown", offer);
  offer();
  table.addEventListener("dblclick", (event) => startAt(event.target.closest(CELL)));
  table.addEventListener("focusin", ({ target }) => {
    if (!target.matches(CELL)) return;
    for (const cell of table.querySelectorAll(`${CELL}[tabindex="0"]`)) cell.tabIndex = -1;
    target.tabIndex = 0; // one stop for Tab; the arrow keys move within the table
  });
  table.addEventListener("keydown", (event) => {
    if (!event.target.matches(CELL) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === "F2") startAt(event.target);
    else if (event.key in MOVES) neighbour(event.target, ...MOVES[event.key])?.focus();
    else return;
    event.preventDefault();
  });

  function startAt(cell) {
    if (!cell || cell.querySelector(".cell-editor")) return;
    if (CELL_EDITORS[cell.dataset.field]) edit(cell, itemOf(cell.closest("tr")));
  }

  function edit(cell, item) {
    const { field } = cell.dataset;
    const { elements, read } = CELL_EDITORS[field](item);
    const errorId = newId("cell-error");
    const error = h("p", { className: "cell-error", id: errorId, role: "alert" });
    const editor = h("div", { className: `cell-editor cell-editor-${field}` }, h("div", { className: "cell-controls" }, elements), error);
    let isSaving = false;
    cell.dataset.editing = "";
    cell.replaceChildren(editor);
    for (const element of elements) element.setAttribute("aria-describedby", errorId);
    elements[0].focus();
    elements[0].select?.();

    /** Ends editing; the cell shows what the item has. */
    const leave = (changed) => {
      delete cell.dataset.editing;
      table.showItem(changed ?? itemOf(cell.closest("tr")));
    };
    /** Saves and returns whether that ended the editing. */
    const save = async () => {
      const value = read();
      if (isSame(value, item[field])) {
        leave();
        return true;
      }
      if (isSaving) return false;
      isSaving = true;
      editor.setAttribute("aria-busy", "true");
      error.textContent = "";
      try {
        leave(await saveItem(item, { [field]: value }));
        return true;
      } catch (failure) {
        error.textContent = failure.code === "offline" ? text.states.offline : (failure.errors?.[0]?.detail ?? failure.message);
        elements[0].focus();
        return false;
      } finally {
        isSaving = false;
        editor.removeAttribute("aria-busy");
      }
    };

    editor.addEventListener("keydown", async (event) => {
      event.stopPropagation();
      const isNewLine = event.shiftKey && event.target.localName === "textarea";
      if (event.key === "Escape") {
        leave();
        cellOf(item.id, field)?.focus();
      } else if (event.key === "Enter" && !isNewLine) {
        event.preventDefault();
        if (await save()) cellOf(item.id, field)?.focus();
      } else if (event.key === "Tab" && isLast(elements, event)) {
        event.preventDefault();
        const step = event.shiftKey ? -1 : 1;
        if (await save()) startAt(following(cellOf(item.id, field), step));
      }
    });
    editor.addEventListener("focusout", (event) => {
      // To another place of the page: a click beside the cell saves, as in a spreadsheet.
      if ("editing" in cell.dataset && document.hasFocus() && !editor.contains(event.relatedTarget) && !isSaving) save();
    });
  }

  function cellOf(id, field) {
    return table.querySelector(`tr[data-id="${CSS.escape(id)}"] td[data-field="${field}"]`);
  }

  function following(cell, step) {
    const cells = visible([...table.querySelectorAll(CELL)]);
    return cells[cells.indexOf(cell) + step];
  }

  function neighbour(cell, down, right) {
    const row = cell.closest("tr");
    const cells = visible([...row.querySelectorAll(CELL)]);
    if (right) return cells[cells.indexOf(cell) + right];
    const rows = [...table.querySelectorAll("tr[data-id]")];
    return rows[rows.indexOf(row) + down]?.querySelector(`td[data-field="${cell.dataset.field}"]`);
  }
}

/** Returns the cells that are shown: a narrow table leaves some out. */
function visible(cells) {
  return cells.filter((cell) => cell.offsetParent !== null);
}

/** Returns whether Tab leaves the editor: from its last control, or back from its first. */
function isLast(elements, event) {
  return event.target === (event.shiftKey ? elements[0] : elements.at(-1));
}

customElements.define("inline-editing", InlineEditing);
