// Who did what: the change log and the security log together.

import { AdminView } from "./admin-view.js";
import { address, parameter, parameters } from "./address.js";
import { actionLabel, eventDetails, subjectLabel } from "./audit-details.js";
import { auditFilters, filterForm } from "./audit-filters.js";
import { readAudit } from "./audit-reader.js";
import { h, newId } from "./elements.js";
import { pageLinks } from "./page-links.js";
import { badge, recordTable, when } from "./record-table.js";
import { state } from "./states.js";
import { text } from "./text.js";

const KINDS = { failure: "warning", denied: "bad" };

/** `<audit-view>` lists events. Its address has the filters and `cursor`. */
export class AuditView extends AdminView {
  #filters = filterForm();

  heading() {
    return text.views.audit;
  }

  tools() {
    return [];
  }

  introduction() {
    return this.#filters.element;
  }

  async read(signal) {
    this.#filters.show();
    let isEnough = false;
    const stop = h("button", { type: "button", className: "link-button", onclick: () => (isEnough = true) }, text.audit.stop);
    const { events, next } = await readAudit(auditFilters(), {
      cursor: parameter("cursor"),
      signal,
      isEnough: () => isEnough,
      report: (number) => signal.aborted || this.report(`${text.audit.searching(number)} `, stop),
    });
    const links = pageLinks({ pages: text.audit.pages, first: text.audit.newest, more: text.audit.older }, next);
    const table = events.length
      ? recordTable(text.views.audit, COLUMNS, events)
      : state("empty", text.audit.none, next ? text.audit.noneYet : text.audit.noneHint);
    const status = (next || parameter("cursor") ? text.audit.someFound : text.audit.found)(events.length);
    return { status, content: [table, ...links] };
  }
}

const COLUMNS = [
  { label: text.audit.when, cell: (event) => when(event.at) },
  { label: text.audit.actor, cell: (event) => filterLink("actor", event.actor) },
  { label: text.audit.action, className: "title", cell: (event) => actionLabel(event) },
  { label: text.audit.subject, className: "wide", cell: (event) => filterLink("subject", event.subject, subjectLabel(event)) },
  { label: text.audit.result, cell: resultOf },
  { label: text.audit.address, className: "extra", cell: (event) => filterLink("address", event.address) },
  { label: text.audit.details, className: "actions", cell: detailsButton },
];

/** Returns the result, which stands out only if something went wrong. */
function resultOf(event) {
  const label = text.audit.results[event.result] ?? event.result;
  return event.result in KINDS ? badge(KINDS[event.result], label) : label;
}

/** Returns a link to the events with the same value. */
function filterLink(name, value, label = value) {
  if (!value) return h("span", { className: "muted" }, "–");
  const next = parameters();
  next.set(name, value);
  next.delete("cursor");
  return h("a", { className: "quiet", href: address(next) }, label);
}

/** Returns a button that shows all that is known of an event, in a row below its own. */
function detailsButton(event) {
  const id = newId("event");
  const label = `${text.audit.details}: ${actionLabel(event)} ${event.stream} ${event.seq}`;
  const properties = { type: "button", className: "row-button", "aria-expanded": "false", "aria-controls": id, "aria-label": label };
  const button = h("button", { ...properties, onclick: toggle }, text.audit.details);
  return button;

  function toggle() {
    const shown = document.getElementById(id);
    if (shown) {
      shown.remove();
    } else {
      const cell = h("td", { role: "cell", colSpan: COLUMNS.length }, eventDetails(event));
      button.closest("tr").after(h("tr", { id, role: "row", className: "details-row" }, cell));
    }
    button.setAttribute("aria-expanded", String(!shown));
  }
}

customElements.define("audit-view", AuditView);
