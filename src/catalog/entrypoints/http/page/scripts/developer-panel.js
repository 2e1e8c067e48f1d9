// For developers: where the API is described, and a line for the shell that creates an item here.

import { address } from "./address.js";
import { apiUrl, SERVICE } from "./api.js";
import { copyButton } from "./copy-button.js";
import { h } from "./elements.js";
import { caller } from "./session.js";
import { text } from "./text.js";

const ITEM = '{"name": "Garden chair", "price": {"amount": "49.90", "currency": "EUR"}}';

/** `<developer-panel>` can be opened. What it says fits the address of the page, the store, and how callers sign in. */
export class DeveloperPanel extends HTMLElement {
  #watching;
  #details = h("details", { className: "developer", open: this.hasAttribute("open") });

  connectedCallback() {
    this.#watching = new AbortController();
    const { signal } = this.#watching;
    this.replaceChildren(this.#details);
    for (const name of ["identified", "service-reached"]) window.addEventListener(name, () => this.#show(), { signal });
    this.#show();
  }

  disconnectedCallback() {
    this.#watching.abort();
  }

  #show() {
    const words = text.developer;
    const line = curlLine();
    this.#details.replaceChildren(
      h("summary", {}, words.title),
      h(
        "nav",
        { "aria-label": words.title },
        h("a", { href: new URL("docs", SERVICE) }, words.swagger),
        h("a", { href: new URL("redoc", SERVICE) }, words.redoc),
        h("a", { href: new URL("openapi.json", SERVICE) }, words.openapi),
        h("a", { href: apiUrl("/items") }, words.json),
      ),
      h("p", { className: "developer-label" }, words.curl),
      h("div", { className: "developer-line" }, h("pre", {}, h("code", {}, line)), copyButton(line)),
      h("p", { className: "developer-notes" }, notes()),
    );
  }
}

/** Returns the line. Who has to sign in uses an API key, which is what a shell should have. */
function curlLine() {
  const key = needsKey() ? ' -H "X-API-Key: $CATALOG_KEY"' : "";
  return `curl ${apiUrl("/items")}${key} -H 'Content-Type: application/json' -d '${ITEM}'`;
}

function needsKey() {
  return caller()?.kind !== "local";
}

function notes() {
  const words = text.developer;
  const isInMemory = document.querySelector("health-badge")?.dataset.store === "memory";
  const toKeys = caller()?.kind === "user" ? h("a", { href: address({ view: "keys" }) }, text.views.keys) : text.views.keys;
  return [needsKey() && [words.key, toKeys, ". "], isInMemory && words.memory];
}

customElements.define("developer-panel", DeveloperPanel);
