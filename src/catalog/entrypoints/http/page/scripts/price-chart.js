// Prices over time as steps.

import { svg } from "./elements.js";
import { day, moment, price } from "./format.js";
import { text } from "./text.js";

const HEIGHT = 136;
const TOP = 10;
const BOTTOM = HEIGHT - 24;
const RIGHT = 10;
const LETTER = 7;
const DAY = 24 * 60 * 60 * 1000;

/**
 * Returns a chart of prices in one currency: `[{price, from, until}]`, oldest first. `lowest` is the lowest price of the last 30
 * days, `{amount, currency, at}`; it is marked. `label` says what the chart shows to those who don't see it.
 */
export function priceChart(prices, lowest, { width, label, now = Date.now() }) {
  const amounts = prices.map((each) => Number(each.price.amount));
  const [low, high] = [Math.min(...amounts), Math.max(...amounts)];
  const labels = [...new Set([high, low])].map((amount) => prices[amounts.indexOf(amount)].price);
  const left = Math.max(...labels.map((each) => price(each).length)) * LETTER + 10;
  const start = time(prices[0].from);
  const end = Math.max(prices.at(-1).until ? time(prices.at(-1).until) : now, start + 1);
  const x = (at) => round(left + ((Math.min(Math.max(at, start), end) - start) / (end - start)) * (width - left - RIGHT));
  const y = (amount) => round(high === low ? (TOP + BOTTOM) / 2 : BOTTOM - ((amount - low) / (high - low)) * (BOTTOM - TOP - 8) - 4);
  const windowStart = Math.max(end - 30 * DAY, start);
  const isShort = end - start < 2 * DAY;
  const name = isShort ? moment : day;
  const last = prices.at(-1).until ? name(end) : text.prices[isShort ? "now" : "today"];
  return svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": label },
    svg("rect", { class: "chart-window", x: x(windowStart), y: TOP, width: round(x(end) - x(windowStart)), height: BOTTOM - TOP }),
    labels.map((each) => [
      svg("line", { class: "chart-grid", x1: left, x2: width - RIGHT, y1: y(each.amount), y2: y(each.amount) }),
      svg("text", { x: left - 8, y: y(each.amount) + 4, "text-anchor": "end" }, price(each)),
    ]),
    prices.map((each) => area(each, x, y, end)),
    svg("path", { class: "chart-line", d: steps(prices, x, y, end) }),
    lowest && svg("path", { class: "chart-low", d: `M${x(windowStart)} ${y(lowest.amount)}H${x(end)}` }),
    lowest && svg("circle", { class: "chart-low-mark", cx: x(Math.max(time(lowest.at), windowStart)), cy: y(lowest.amount), r: 4.5 }),
    svg("text", { x: left, y: HEIGHT - 6 }, name(start)),
    svg("text", { x: width - RIGHT, y: HEIGHT - 6, "text-anchor": "end" }, last),
  );
}

/** Returns the line. There is a gap where the item had no price, or one in another currency. */
function steps(prices, x, y, end) {
  return prices
    .map((each, index) => {
      const isNext = index > 0 && prices[index - 1].until === each.from;
      const rise = isNext ? `V${y(each.price.amount)}` : `M${x(time(each.from))} ${y(each.price.amount)}`;
      return `${rise}H${x(each.until ? time(each.until) : end)}`;
    })
    .join("");
}

/** Returns the area below a step, which says what it is to a pointer. */
function area(each, x, y, end) {
  const [from, until] = [x(time(each.from)), x(each.until ? time(each.until) : end)];
  const [top, width] = [y(each.price.amount), round(until - from)];
  return svg(
    "rect",
    { class: "chart-area", x: from, y: top, width, height: BOTTOM - top },
    svg("title", {}, text.prices.step(price(each.price), moment(each.from), each.until && moment(each.until))),
  );
}

function time(timestamp) {
  return new Date(timestamp).getTime();
}

function round(value) {
  return Math.round(value * 10) / 10;
}
