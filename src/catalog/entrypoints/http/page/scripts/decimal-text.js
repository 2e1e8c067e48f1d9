// Decimal numbers as people type them, for the API, which wants a point.

const MARKS = new Intl.NumberFormat(navigator.languages).formatToParts(1.5);
const HAS_COMMA = MARKS.some(({ type, value }) => type === "decimal" && value === ",");

/** Returns what was typed without spaces around it, and with a point if the reader's language has a decimal comma. */
export function decimalText(typed) {
  const text = typed.trim();
  return HAS_COMMA ? text.replace(/^([+-]?\d+),(\d+)$/, "$1.$2") : text;
}
