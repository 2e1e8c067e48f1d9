// Two bounds of a number, from and to.

import { h, newId } from "./elements.js";
import { chosenBound, filterBy, narrowing } from "./filter-query.js";
import { text } from "./text.js";
import { typedNumber } from "./typed-number.js";

/**
 * Returns the inputs for the bounds of a field, with the method `show` to show those of the address, and `fail` to say what is wrong
 * with them. `others` returns more changes of the address for when a bound is set; `isAmount` refuses numbers below 0.
 */
export function rangeFilter(field, label, { isAmount = false, others = () => ({}) } = {}) {
  const id = newId("range");
  const input = (operator, placeholder, name) =>
    h("input", {
      inputMode: "decimal",
      autocomplete: "off",
      placeholder,
      "aria-label": name,
      "aria-describedby": id,
      "data-operator": operator,
    });
  const inputs = [input("gte", text.filters.from, text.filters.fromOf(label)), input("lte", text.filters.to, text.filters.toOf(label))];
  let shown = null;
  const fault = h("p", { className: "field-error", id, role: "alert" });

  function fail(message, wrong = inputs) {
    fault.textContent = message;
    for (const each of inputs) each.toggleAttribute("aria-invalid", false);
    for (const each of wrong) each.setAttribute("aria-invalid", "true");
  }

  function apply() {
    const values = inputs.map((each) => (each.value.trim() ? typedNumber(each.value) : ""));
    const wrong = inputs.filter((_, index) => values[index] === null || (isAmount && values[index].startsWith("-")));
    if (wrong.length) {
      fail(isAmount ? text.filters.notAnAmount : text.filters.notANumber, wrong);
      return;
    }
    const [from, to] = values;
    if (from && to && Number(from) > Number(to)) {
      fail(text.filters.reversed);
      return;
    }
    fail("", []);
    const aliases = field === "price" ? { price_min: null, price_max: null } : {};
    filterBy({ ...(from || to ? others() : {}), ...aliases, [`${field}__gte`]: from, [`${field}__lte`]: to });
  }

  /** What is typed, and what is wrong with it, stays until the filters are other ones: counts arrive while somebody types. */
  function show() {
    const filters = narrowing().toString();
    if (filters === shown) return;
    shown = filters;
    for (const each of inputs) {
      if (each !== document.activeElement) each.value = chosenBound(field, each.dataset.operator);
    }
    fail("", []);
  }

  const dash = h("span", { "aria-hidden": "true" }, "–");
  const element = h("form", { className: "range", noValidate: true }, inputs[0], dash, inputs[1], fault);
  element.addEventListener("change", apply);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  return Object.assign(element, { show, fail });
}
