// Exact arithmetic on decimal texts such as "12.50". Floats would turn cents into something else.

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

/** Reads a decimal text. */
export function parseDecimal(text) {
  const [whole, fraction = ""] = text.split(".");
  return new Decimal(BigInt(whole + fraction), fraction.length);
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
