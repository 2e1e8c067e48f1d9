// Exact arithmetic on decimal texts such as "12.50". Floats would turn cents into something else.

const DECIMAL = /^([+-]?)(\d+)(?:[.,](\d*))?$/;

/** A number: `units` divided by 10 to the power of `digits`. */
class Decimal {
  constructor(units, digits) {
    this.units = units;
    this.digits = digits;
  }

  toString() {
    const text = (this.units < 0n ? -this.units : this.units).toString().padStart(this.digits + 1, "0");
    const point = text.length - this.digits;
    return (this.units < 0n ? "-" : "") + text.slice(0, point) + (this.digits ? `.${text.slice(point)}` : "");
  }
}

/** Reads what a person types: digits with a point or a comma, perhaps a sign, spaces around. Returns null if it is not a number. */
export function parseDecimal(typed) {
  const found = DECIMAL.exec(typed.trim().replaceAll(/[\s\u00a0\u202f]/g, "").replace("−", "-"));
  if (!found) return null;
  const fraction = found[3] ?? "";
  return new Decimal(BigInt(`${found[1] === "-" ? "-" : ""}${found[2]}${fraction}`), fraction.length);
}

/** Returns typed text as the API takes decimals, or the text itself if it is none, so that the service says what is wrong. */
export function decimalText(typed) {
  return parseDecimal(typed)?.toString() ?? typed.trim();
}

/**
 * Returns an amount, a decimal text, changed by a percentage or by another amount: `{amount, isRounded, isNegative}`. It has as many
 * decimals as before; halves are rounded away from zero.
 */
export function changeAmount(amount, by, { percent }) {
  const old = parseDecimal(amount);
  const scale = 10n ** BigInt(by.digits);
  const divisor = percent ? 100n * scale : scale;
  const exact = percent ? old.units * (divisor + by.units) : old.units * scale + by.units * 10n ** BigInt(old.digits);
  const size = exact < 0n ? -exact : exact;
  const rounded = (size * 2n + divisor) / (divisor * 2n);
  const changed = new Decimal(exact < 0n ? -rounded : rounded, old.digits);
  return { amount: changed.toString(), isRounded: rounded * divisor !== size, isNegative: exact < 0n };
}
