// What the views of administration have in common: a head, and below it what was read, which follows the address.

import { onAddressChange } from "./address.js";
import { h } from "./elements.js";
import { state, stateOfError } from "./states.js";
import { text } from "./text.js";

/**
 * A view that reads from the API when it is shown, when the address changes, and when somebody else has signed in. Subclasses have
 * `heading()`, `tools()` (elements beside the heading) and `read(signal)`, which returns `{status, content}`: a sentence that says
 * what was found, and elements.
 */
export class AdminView extends HTMLElement {
  #heading = h("h1", { tabIndex: -1 });
  #status = h("p", { className: "admin-status", role: "status" });
  #body = h("div", { className: "admin-body" });
  #shown;
  #reading;

  connectedCallback() {
    this.#shown = new AbortController();
    const { signal } = this.#shown;
    onAddressChange(() => this.reload(), signal);
    window.addEventListener("identified", () => this.reload(), { signal });
    window.addEventListener("service-reached", () => this.querySelector(".state-offline") && this.reload(), { signal });
    const head = h("div", { className: "admin-head" }, this.#heading, this.tools());
    this.replaceChildren(head, this.introduction() ?? "", this.#status, this.#body);
    this.#body.replaceChildren(state("loading", text.states.loading));
    this.reload();
  }

  disconnectedCallback() {
    this.#shown.abort();
    this.#reading?.abort();
  }

  /** Aborts when the view is left. */
  get signal() {
    return this.#shown.signal;
  }

  /** Returns what stands between the head and the content, or null. */
  introduction() {
    return null;
  }

  /** Reads anew. What was shown stays until then; an answer that is overtaken by a later one is dropped. */
  async reload() {
    this.#reading?.abort();
    const { signal } = (this.#reading = new AbortController());
    this.#heading.textContent = this.heading();
    this.#body.setAttribute("aria-busy", "true");
    try {
      const { status, content } = await this.read(signal);
      if (!signal.aborted) this.#show(status, content);
    } catch (error) {
      if (!signal.aborted) this.#show("", [stateOfError(error, () => this.reload())]);
    }
  }

  /** Says how far a long read is. */
  report(...message) {
    this.#status.replaceChildren(...message);
  }

  /** Shows content. If the focus was in what is replaced, it goes to the same button, or another of the row, or to the heading. */
  #show(status, content) {
    const focused = [this.#body, this.#status].some((each) => each.contains(document.activeElement)) ? document.activeElement : null;
    const label = focused?.getAttribute("aria-label") ?? "";
    this.#status.textContent = status;
    this.#body.replaceChildren(...content);
    this.#body.setAttribute("aria-busy", "false");
    if (!focused) return;
    const subject = label.includes(": ") ? label.slice(label.indexOf(": ")) : label;
    const all = [...this.#body.querySelectorAll("[aria-label]")];
    const labelled = (ending) => ending && all.find((each) => each.getAttribute("aria-label").endsWith(ending));
    (labelled(label) || labelled(subject) || this.#heading).focus();
  }
}
