// Who uses the page: password and sign-out for users, sign-in for guests, a plain notice where nobody signs in.

import { go } from "./address.js";
import { h, newId } from "./elements.js";
import { askRest } from "./load-rest.js";
import { caller, signOut } from "./session.js";
import { text } from "./text.js";
import { toastError } from "./toasts.js";

const LOOPBACK = /^(localhost|127\..*|\[::1\]|.*\.localhost)$/;

/** `<account-menu>` follows who is signed in. It announces `sign-in-wanted` for guests who want to sign in. */
export class AccountMenu extends HTMLElement {
  #watching;

  connectedCallback() {
    this.#watching = new AbortController();
    const { signal } = this.#watching;
    window.addEventListener("identified", () => this.#show(), { signal });
    document.addEventListener("pointerdown", (event) => this.contains(event.target) || this.#open(false), { signal });
    this.addEventListener("focusout", (event) => event.relatedTarget && !this.contains(event.relatedTarget) && this.#open(false));
    this.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#panel || this.#panel.hidden) return;
      this.#open(false);
      this.#button.focus();
    });
    this.#show();
  }

  disconnectedCallback() {
    this.#watching.abort();
  }

  get #button() {
    return this.querySelector(".account-button");
  }

  get #panel() {
    return this.querySelector(".account-panel");
  }

  #show() {
    const me = caller();
    if (!me) this.replaceChildren();
    else if (me.kind === "guest") this.#showGuest();
    else if (me.kind === "local") this.#showLocal();
    else this.#showUser(me);
  }

  #showGuest() {
    const ask = () => window.dispatchEvent(new CustomEvent("sign-in-wanted"));
    this.replaceChildren(h("button", { type: "button", title: text.account.guest, onclick: ask }, text.account.signIn));
    if (location.hash.startsWith("#setup=")) queueMicrotask(ask); // after the page has been told who the caller is
  }

  /** The modes without sign-in look the same to callers, but the mode `local` is never reached from another machine. */
  #showLocal() {
    const mode = LOOPBACK.test(location.hostname) ? "local" : "open";
    this.#showMenu(text.account[mode], { className: `account-${mode}` }, h("p", {}, text.modes[mode]));
  }

  #showUser(me) {
    const change = () => {
      this.#open(false);
      this.#button.focus();
      askRest("password-change-wanted");
    };
    this.#showMenu(
      me.username,
      { className: "account-user", "aria-label": text.account.menu(me.username) },
      h("p", {}, h("strong", {}, me.username), h("span", {}, text.account.role(me.role))),
      me.kind === "user" && h("button", { type: "button", onclick: change }, text.account.changePassword),
      h("button", { type: "button", onclick: leave }, text.account.signOut),
    );
  }

  #showMenu(label, properties, ...content) {
    const id = newId("account");
    const button = h(
      "button",
      { type: "button", ...properties, "aria-expanded": "false", "aria-controls": id, onclick: () => this.#open(this.#panel.hidden) },
      h("span", { className: "account-label" }, label),
    );
    button.classList.add("account-button");
    this.replaceChildren(button, h("div", { id, className: "account-panel", hidden: true }, content));
  }

  #open(isOpen) {
    if (!this.#panel) return;
    this.#panel.hidden = !isOpen;
    this.#button.setAttribute("aria-expanded", String(isOpen));
  }
}

/** Signs out and forgets where in the page the user was, which is not for whoever comes next. */
async function leave() {
  try {
    await signOut();
    go({});
  } catch (error) {
    toastError(error);
  }
}

customElements.define("account-menu", AccountMenu);
