// What an item has cost: a chart, the lowest price of 30 days, and the same as a table.

import { request } from "./api.js";
import { h } from "./elements.js";
import { day, moment, price } from "./format.js";
import { priceChart } from "./price-chart.js";
import { stateOfError } from "./states.js";
import { text } from "./text.js";

/** `<price-history>` */
export class PriceHistory extends HTMLElement {
  #id;
  #resizing;

  disconnectedCallback() {
    this.#resizing?.disconnect();
  }

  /** Shows the prices of an item as they are now. */
  async load({ id, price: present }) {
    if (id !== this.#id) this.replaceChildren();
    this.classList.toggle("price-expected", Boolean(present)); // reserves the space of the chart
    this.#id = id;
    try {
      const { data } = await request("GET", `/items/${id}/prices`);
      if (this.#id === id) this.#show(data);
    } catch (error) {
      if (this.#id === id) this.replaceChildren(stateOfError(error, () => this.load({ id, price: present })));
    }
  }

  #show({ prices, lowest_30_days: lowest, before_reduction: before, known_since: knownSince }) {
    this.#resizing?.disconnect();
    if (!prices.length) {
      this.replaceChildren(h("p", { className: "drawer-empty" }, text.prices.none));
      return;
    }
    const { currency } = prices.at(-1).price;
    const charted = prices.filter((each) => each.price.currency === currency);
    const isOpen = this.querySelector("details")?.open ?? false;
    const chart = h("div", { className: "chart-place" });
    const hint = (message) => h("p", { className: "field-hint" }, message);
    const facts = [fact(text.prices.lowest, lowest, "price-lowest"), fact(text.prices.before, before, "")];
    const content = [
      lowest && h("dl", { className: "price-facts" }, facts),
      chart,
      charted.length < prices.length && hint(text.prices.onlyIn(currency)),
      knownSince && hint(text.prices.knownSince(day(knownSince))),
      h("details", { open: isOpen }, h("summary", {}, text.prices.asTable(prices.length)), table(prices)),
    ];
    this.replaceChildren(...content.filter(Boolean));
    const label = summary(charted, lowest);
    this.#resizing = new ResizeObserver(() => {
      const width = Math.round(chart.clientWidth);
      if (width > 0) chart.replaceChildren(priceChart(charted, lowest, { width, label }));
    });
    this.#resizing.observe(chart);
  }
}

function fact(label, value, className) {
  if (!value) return null;
  return h("div", { className }, h("dt", {}, label), h("dd", {}, h("strong", {}, price(value)), " ", text.prices.since(day(value.at))));
}

function table(prices) {
  const { from, until, price: label } = text.prices.columns;
  const cells = (each) => [moment(each.from), each.until ? moment(each.until) : text.prices.today, price(each.price)];
  const row = (each) => h("tr", {}, cells(each).map((cell) => h("td", {}, cell)));
  return h(
    "table",
    { className: "price-table" },
    h("thead", {}, h("tr", {}, [from, until, label].map((each) => h("th", { scope: "col" }, each)))),
    h("tbody", {}, prices.toReversed().map(row)),
  );
}

function summary(prices, lowest) {
  const sorted = prices.toSorted((one, other) => one.price.amount - other.price.amount);
  const range = text.prices.range(price(sorted[0].price), price(sorted.at(-1).price), price(prices.at(-1).price), day(prices[0].from));
  return lowest ? `${range} ${text.prices.lowest}: ${price(lowest)}.` : range;
}

customElements.define("price-history", PriceHistory);
