// For developers: where the API is described, and a line for the shell that creates an item here.

import { apiUrl, SERVICE } from "./api.js";
import { h } from "./elements.js";
import { caller } from "./session.js";
import { text } from "./text.js";

const ITEM = '{"name": "Garden chair", "price": {"amount": "49.90", "currency": "EUR"}}';

/** `<developer-panel>` can be opened. The line fits the address of the page and whether callers have to sign in. */
export class DeveloperPanel extends HTMLElement {
  connectedCallback() {
    const line = curlLine(caller()?.kind);
    const button = h("button", { type: "button", onclick: () => copy(button, line) }, text.actions.copy);
    this.replaceChildren(
      h(
        "details",
        { className: "developer", open: this.hasAttribute("open") },
        h("summary", {}, text.developer.title),
        h(
          "nav",
          { "aria-label": text.developer.title },
          h("a", { href: new URL("docs", SERVICE) }, text.developer.swagger),
          h("a", { href: new URL("redoc", SERVICE) }, text.developer.redoc),
          h("a", { href: new URL("openapi.json", SERVICE) }, text.developer.openapi),
          h("a", { href: apiUrl("/items") }, text.developer.json),
        ),
        h("p", { className: "developer-label" }, text.developer.curl),
        h("div", { className: "developer-line" }, h("pre", { tabIndex: 0 }, h("code", {}, line)), button),
      ),
    );
  }
}

/** Returns the line. Who signs in with a password is asked for an API key, which is what a shell should use. */
function curlLine(kind) {
  const needsKey = kind !== "local";
  const key = needsKey ? ' -H "X-API-Key: $CATALOG_KEY"' : "";
  return `curl ${apiUrl("/items")}${key} -H 'Content-Type: application/json' -d '${ITEM}'`;
}

async function copy(button, line) {
  await navigator.clipboard.writeText(line);
  button.textContent = text.actions.copied;
  setTimeout(() => {
    button.textContent = text.actions.copy;
  }, 2000);
}

customElements.define("developer-panel", DeveloperPanel);
