// Changing the prices of several items by a percentage or an amount. What comes out is shown before.

import { runBatch } from "./batches.js";
import { changeAmount, parseDecimal } from "./decimals.js";
import { openDialog } from "./dialogs.js";
import { h } from "./elements.js";
import { field, formError, onSubmit } from "./forms.js";
import { price as formatted } from "./format.js";
import { text } from "./text.js";
import { typedNumber } from "./typed-number.js";

const SHOWN = 5;

/** Asks by how much the prices of these items change, and changes them. Resolves to what `runBatch` returns, or null if cancelled. */
export function changePrices(items) {
  return new Promise((resolve) => {
    let outcome = null;
    const priced = items.filter((item) => item.price);
    const amount = h("input", { inputMode: "decimal", required: true, autocomplete: "off", placeholder: "-10", autofocus: true });
    const unit = h("select", {}, h("option", { value: "percent" }, text.bulk.percent), h("option", { value: "amount" }, text.bulk.amount));
    const preview = h("div", { className: "price-preview", "aria-live": "polite" });
    const submit = h("button", { className: "primary", disabled: true }, text.bulk.changePrices(priced.length));
    const form = h(
      "form",
      {},
      h("p", {}, text.bulk.priceHint(priced.length, items.length - priced.length)),
      formError(),
      h("div", { className: "field-pair" }, field(text.bulk.by, amount), field(text.bulk.unit, unit)),
      preview,
      h("footer", { className: "dialog-foot" }, submit),
    );
    const changes = () => changesOf(priced, amount.value, unit.value === "percent");
    const show = () => {
      const found = changes();
      submit.disabled = !found?.length || found.some(({ isNegative }) => isNegative);
      preview.replaceChildren(found ? previewOf(found) : "");
    };
    form.addEventListener("input", show);
    onSubmit(form, async () => {
      const operations = changes().map(({ item, price }) => ({ op: "reprice", key: item.id, price, if_version: item.version }));
      outcome = await runBatch(operations);
      dialog.close();
    });
    const dialog = openDialog(text.bulk.prices, form, { onclose: () => resolve(outcome) });
  });
}

/** Returns the change of each item's price, or null if what is typed is no number. */
function changesOf(items, typed, percent) {
  const number = typedNumber(typed);
  if (number === null) return null;
  const by = parseDecimal(number);
  return items.map((item) => {
    const { amount, isRounded, isNegative } = changeAmount(item.price.amount, by, { percent });
    return { item, price: { amount, currency: item.price.currency }, isRounded, isNegative };
  });
}

function previewOf(changes) {
  const rounded = changes.filter(({ isRounded }) => isRounded).length;
  const negative = changes.filter(({ isNegative }) => isNegative).length;
  const rows = changes.slice(0, SHOWN).map(({ item, price, isRounded }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, item.name),
      h("td", { className: "number" }, formatted(item.price)),
      h("td", { className: "number" }, formatted(price), isRounded && " ≈"),
    ),
  );
  const titles = [text.editing.name, text.bulk.before, text.bulk.after];
  return h(
    "div",
    {},
    h(
      "table",
      { className: "small-table" },
      h("thead", {}, h("tr", {}, titles.map((title) => h("th", { scope: "col" }, title)))),
      h("tbody", {}, rows),
    ),
    changes.length > SHOWN && h("p", {}, text.bulk.more(changes.length - SHOWN)),
    rounded > 0 && h("p", {}, text.bulk.rounded(rounded)),
    negative > 0 && h("p", { className: "form-error" }, text.bulk.negative(negative)),
  );
}
