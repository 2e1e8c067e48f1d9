// Numbers, prices, dates and times, as the reader's language writes them.

const LOCALES = navigator.languages;
const integers = new Intl.NumberFormat(LOCALES);
const days = new Intl.DateTimeFormat(LOCALES, { dateStyle: "medium" });
const moments = new Intl.DateTimeFormat(LOCALES, { dateStyle: "medium", timeStyle: "short" });
const instants = new Intl.DateTimeFormat(LOCALES, { dateStyle: "medium", timeStyle: "long" });
const relatives = new Intl.RelativeTimeFormat(LOCALES, { numeric: "auto", style: "short" });
const prices = new Map();

/** Returns a whole number with its separators. */
export function count(value) {
  return integers.format(value);
}

/** Returns a price, `{amount, currency}`, exactly: the amount is decimal text and is never made a float. */
export function price(value) {
  if (!value) return "";
  const digits = value.amount.split(".")[1]?.length ?? 0;
  const key = `${value.currency} ${digits}`;
  if (!prices.has(key)) {
    const options = { style: "currency", currency: value.currency, minimumFractionDigits: digits, maximumFractionDigits: digits };
    prices.set(key, new Intl.NumberFormat(LOCALES, options));
  }
  return prices.get(key).format(value.amount);
}

/** Returns the day of a timestamp. */
export function day(timestamp) {
  return days.format(new Date(timestamp));
}

/** Returns day and time of a timestamp. */
export function moment(timestamp) {
  return moments.format(new Date(timestamp));
}

/** Returns day and time of a timestamp to the second, with the time zone. */
export function instant(timestamp) {
  return instants.format(new Date(timestamp));
}

const UNITS = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 7],
];

/** Returns how long ago a timestamp is, or its day if that was more than a week ago. */
export function ago(timestamp, now = Date.now()) {
  let value = (new Date(timestamp).getTime() - now) / 1000;
  if (value > 0) value = 0; // the clocks of browser and service may differ
  for (const [unit, next] of UNITS) {
    if (Math.abs(value) < next) return relatives.format(Math.round(value), unit);
    value /= next;
  }
  return day(timestamp);
}

/** Returns a number of bytes. */
export function bytes(value) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const power = Math.min(Math.max(Math.floor(Math.log10(Math.max(value, 1)) / 3), 0), units.length - 1);
  const options = { style: "unit", unit: units[power], unitDisplay: power ? "short" : "long", maximumFractionDigits: power ? 1 : 0 };
  return new Intl.NumberFormat(LOCALES, options).format(value / 1000 ** power);
}

/** Returns how long something takes, roughly. */
export function duration(seconds) {
  const [value, unit] = seconds < 90 ? [seconds, "second"] : seconds < 5400 ? [seconds / 60, "minute"] : [seconds / 3600, "hour"];
  return new Intl.NumberFormat(LOCALES, { style: "unit", unit, unitDisplay: "long" }).format(Math.max(1, Math.round(value)));
}

/** Returns the decimal mark of the reader's language. */
export function decimalMark() {
  return new Intl.NumberFormat(LOCALES).formatToParts(0.5).find(({ type }) => type === "decimal").value;
}
