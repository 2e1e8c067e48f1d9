// Typing a price: an amount, and a currency of three letters.

import { h } from "./elements.js";
import { text } from "./text.js";
import { decimalText, shownNumber } from "./typed-number.js";

const CURRENCY = "catalog-currency";

/** Returns `{amount, currency, read}`: two inputs that show a price, and what makes one of them. An empty amount is no price. */
export function priceFields(price) {
  const amount = h("input", { inputMode: "decimal", value: price ? shownNumber(price.amount) : "", autocomplete: "off", "aria-label": text.editing.amount });
  const currency = h("input", {
    className: "currency-input",
    value: price?.currency ?? lastCurrency(),
    maxLength: 3,
    autocomplete: "off",
    spellcheck: false,
    "aria-label": text.editing.currency,
  });
  const read = () => {
    if (!amount.value.trim()) return null;
    const code = currency.value.trim().toUpperCase();
    localStorage.setItem(CURRENCY, code);
    return { amount: decimalText(amount.value), currency: code };
  };
  return { amount, currency, read };
}

/** The currency that was typed last: most catalogs have one. */
function lastCurrency() {
  return localStorage.getItem(CURRENCY) ?? "EUR";
}
