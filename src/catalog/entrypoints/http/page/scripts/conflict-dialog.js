// Two people changed the same fields: theirs beside yours, and a choice for each field.

import { openDialog } from "./dialogs.js";
import { h, newId } from "./elements.js";
import { same } from "./exact-json.js";
import { differences, fieldKeys, fieldLabel, fieldTexts, fieldText, fieldValue, toPatch } from "./item-fields.js";
import { text } from "./text.js";

/**
 * Resolves to a merge patch on top of `theirs`, or to null if it was cancelled. `base` is the item as it was read, `mine` a merge
 * patch on top of it, `theirs` the item as it is now. Only fields that both have changed, to different values, are asked for.
 */
export async function resolveConflict(base, mine, theirs) {
  const wanted = fieldKeys(mine).filter((key) => !same(fieldValue(mine, key), fieldValue(theirs, key)));
  const changed = differences(base, theirs);
  const contested = wanted.filter((key) => changed.includes(key));
  if (!contested.length) return toPatch(wanted.map((key) => [key, fieldValue(mine, key)]));
  const others = changed.filter((key) => !contested.includes(key) && !fieldKeys(mine).includes(key));
  const choices = await choose(theirs, contested.map((key) => choiceOf(key, base, mine, theirs)), others);
  return choices && toPatch(wanted.filter((key) => choices.get(key) !== "theirs").map((key) => [key, fieldValue(mine, key)]));
}

/** Asks. Resolves to "mine" or "theirs" for each key, or to null. */
function choose(item, choices, others) {
  return new Promise((resolve) => {
    const words = text.conflict;
    const form = h(
      "form",
      { method: "dialog", className: "conflict" },
      h("p", {}, words.hint),
      choices,
      others.length > 0 && h("p", { className: "field-hint" }, words.others(others.map(fieldLabel).join(", "))),
      h(
        "footer",
        { className: "dialog-foot" },
        h("button", { type: "button", onclick: () => dialog.close() }, text.actions.cancel),
        h("button", { className: "primary", value: "save" }, text.actions.save),
      ),
    );
    const onclose = (answer) => {
      const chosen = [...form.querySelectorAll("input:checked")].map((input) => [input.dataset.key, input.value]);
      resolve(answer === "save" ? new Map(chosen) : null);
    };
    const dialog = openDialog(words.title(item.name), form, { onclose });
  });
}

function choiceOf(key, base, mine, theirs) {
  const group = newId("choice");
  const [yours, other] = fieldTexts(key, fieldValue(mine, key), fieldValue(theirs, key));
  const option = (value, label, shown, isChecked) =>
    h(
      "label",
      { className: "conflict-option" },
      h("input", { type: "radio", name: group, value, "data-key": key, checked: isChecked }),
      h("span", { className: "conflict-whose" }, label),
      h("span", { className: "conflict-value" }, shown),
    );
  return h(
    "fieldset",
    { className: "conflict-field" },
    h("legend", {}, fieldLabel(key)),
    option("mine", text.conflict.yours, yours, true),
    option("theirs", text.conflict.theirs, other, false),
    h("p", { className: "field-hint" }, text.conflict.before(fieldText(key, fieldValue(base, key)))),
  );
}
