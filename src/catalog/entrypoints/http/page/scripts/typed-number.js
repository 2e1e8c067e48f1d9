// Numbers as people type them.

const parts = new Intl.NumberFormat(navigator.languages).formatToParts(12345.6);
const mark = (type) => parts.find((part) => part.type === type)?.value;

/** Returns a decimal text as people of the reader's language type it. `typedNumber` reads it again. */
export function shownNumber(decimal) {
  return decimal.replace(".", mark("decimal") ?? ".");
}

/** Returns what was typed as the API takes numbers, or as it is if it is none, so that the service says what is wrong. */
export function decimalText(typed) {
  return typedNumber(typed) ?? typed.trim();
}

/**
 * Returns what was typed as decimal text with a point, without separators of thousands; null if it is no number. A comma or point
 * that can only be the decimal mark is one, whatever the reader's language says.
 */
export function typedNumber(typed) {
  let value = typed.replace(/[\s\u00a0\u202f'’]/g, "").replace("−", "-");
  const [decimal, group] = [mark("decimal") ?? ".", mark("group") ?? ","];
  if (group && value.includes(group)) {
    const isGrouped = new RegExp(`^-?\\d{1,3}(\\${group}\\d{3})+(\\${decimal}\\d*)?$`).test(value);
    value = isGrouped ? value.replaceAll(group, "") : value;
  }
  value = value.replace(decimal, ".").replace(",", ".");
  return /^-?\d+(\.\d+)?$/.test(value) ? value : null;
}
