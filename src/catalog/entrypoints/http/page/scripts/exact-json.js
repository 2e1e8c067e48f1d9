// JSON with exact numbers. JavaScript's own numbers would damage some attributes: of the integers beyond 2^53 only the first 16
// digits or so survive, and 5.0, which the service keeps apart from 5, would come back as 5. Such numbers keep their digits.

// Nobody can guess it, so no text of an item is ever taken for a number.
const MARK = `number-${crypto.getRandomValues(new Uint32Array(4)).join("-")}:`;
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
const MARKED = new RegExp(`"${MARK}([^"]*)"`, "g");

/** A number that JavaScript's own numbers can't hold as it is written. */
export class ExactNumber {
  /** `digits` is how JSON writes it. */
  constructor(digits) {
    this.digits = digits;
  }

  toString() {
    return this.digits;
  }

  toJSON() {
    return MARK + this.digits;
  }
}

/** Returns a number as JSON writes it: an ExactNumber only if it has to be one. */
export function exactNumber(digits) {
  return String(Number(digits)) === digits ? Number(digits) : new ExactNumber(digits);
}

/** Parses JSON. Numbers that would be damaged are ExactNumbers. */
export function parseExact(json) {
  const mark = (token) => (token[0] === '"' || String(Number(token)) === token ? token : `"${MARK}${token}"`);
  return JSON.parse(json.replace(TOKENS, mark), (_, value) =>
    typeof value === "string" && value.startsWith(MARK) ? new ExactNumber(value.slice(MARK.length)) : value,
  );
}

/** Writes JSON, with ExactNumbers as they were read. */
export function toJson(value) {
  return JSON.stringify(value).replace(MARKED, "$1");
}

/** Returns whether two JSON values are the same; 5, 5.0 and "5" are not. Null and undefined are. */
export function same(one, other) {
  return toJson(one ?? null) === toJson(other ?? null);
}
