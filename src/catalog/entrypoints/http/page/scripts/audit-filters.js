// The filters of the audit. They are in the address, under the names that the API has for them.

import { change, go, parameter } from "./address.js";
import { h } from "./elements.js";
import { field } from "./forms.js";
import { text } from "./text.js";

const CHOICES = { stream: text.audit.streams, action: text.audit.actions, result: text.audit.results };
const TEXTS = ["actor", "subject", "address"];
const MOMENTS = ["since", "until"];
const NAMES = ["actor", "action", "subject", "result", "stream", "address", "since", "until"];

/** Returns the filters in the address, as parameters of the API. */
export function auditFilters() {
  return Object.fromEntries(NAMES.map((name) => [name, parameter(name)]));
}

/** Returns the form of the filters, and `show()`, which makes it show those in the address. */
export function filterForm() {
  const controls = Object.fromEntries(NAMES.map((name) => [name, control(name)]));
  const clear = h("button", { type: "button", onclick: () => go({ view: "audit" }) }, text.audit.clear);
  const element = h(
    "form",
    { className: "audit-filters", role: "search", "aria-label": text.audit.filters, onsubmit: submit },
    NAMES.map((name) => field(text.audit[name], controls[name])),
    clear,
    h("button", { hidden: true }), // without it, Enter submits nothing
  );
  const hasMoreRoom = matchMedia("(width > 720px)").matches;
  const isOpen = hasMoreRoom || NAMES.some(parameter);
  return { element: h("details", { className: "audit-fold", open: isOpen }, h("summary", {}, text.audit.filters), element), show };

  function show() {
    const shown = auditFilters();
    for (const name of NAMES) {
      const value = MOMENTS.includes(name) ? localMoment(shown[name]) : shown[name];
      if (controls[name].value !== value) controls[name].value = value;
    }
    clear.disabled = NAMES.every((name) => !shown[name]);
  }

  function submit(event) {
    event.preventDefault();
    const values = NAMES.map((name) => [name, MOMENTS.includes(name) ? utcMoment(controls[name].value) : controls[name].value.trim()]);
    change({ ...Object.fromEntries(values), cursor: null });
  }
}

function control(name) {
  const onchange = (event) => event.target.form.requestSubmit();
  if (TEXTS.includes(name)) {
    const placeholder = name === "subject" ? text.audit.subjectHint : "";
    return h("input", { type: "search", onchange, placeholder, spellcheck: false, autocapitalize: "none", autocomplete: "off" });
  }
  if (MOMENTS.includes(name)) return h("input", { type: "datetime-local", onchange });
  const options = Object.entries(CHOICES[name]).map(([value, label]) => h("option", { value }, label));
  return h("select", { onchange }, h("option", { value: "" }, text.audit.all), options);
}

/** Returns a time of the API as `<input type=datetime-local>` has it: in the time zone of the reader. */
function localMoment(moment) {
  const date = new Date(moment);
  if (!moment || Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function utcMoment(local) {
  return local ? new Date(local).toISOString() : "";
}
