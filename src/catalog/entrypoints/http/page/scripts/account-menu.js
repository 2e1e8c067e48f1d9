// Who uses the page: sign-out for users, sign-in for guests, a plain notice where nobody signs in.

import { h } from "./elements.js";
import { caller, signOut } from "./session.js";
import { text } from "./text.js";
import { toastError } from "./toasts.js";

/** `<account-menu>` follows who is signed in. It announces `sign-in-wanted` for guests who want to sign in. */
export class AccountMenu extends HTMLElement {
  #watching;

  connectedCallback() {
    this.#watching = new AbortController();
    window.addEventListener("identified", () => this.#show(), { signal: this.#watching.signal });
    this.#show();
  }

  disconnectedCallback() {
    this.#watching.abort();
  }

  #show() {
    const me = caller();
    if (!me) {
      this.replaceChildren();
    } else if (me.kind === "local") {
      this.replaceChildren(h("span", { className: "account-local" }, text.modes.local));
    } else if (me.kind === "guest") {
      const ask = () => window.dispatchEvent(new CustomEvent("sign-in-wanted"));
      this.replaceChildren(h("button", { type: "button", onclick: ask }, text.account.signIn));
    } else {
      this.replaceChildren(
        h("span", { className: "account-name", title: me.role }, me.username),
        h("button", { type: "button", onclick: () => signOut().catch(toastError) }, text.account.signOut),
      );
    }
  }
}

customElements.define("account-menu", AccountMenu);
