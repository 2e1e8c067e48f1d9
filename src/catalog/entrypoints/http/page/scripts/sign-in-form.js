// Signing in, and making the first admin with the link that the service prints at its first start.

import { request } from "./api.js";
import { h } from "./elements.js";
import { field, formError, onSubmit } from "./forms.js";
import { passwordField } from "./password-field.js";
import { orWait } from "./retry-wait.js";
import { signIn } from "./session.js";
import { text } from "./text.js";
import { toast, toastError } from "./toasts.js";

const SETUP = "#setup=";
const COMMAND = "catalog users create NAME --role admin";

/** `<sign-in-form>` asks for username and password. With a set-up link in the address, it makes the first admin instead. */
export class SignInForm extends HTMLElement {
  #watching;

  connectedCallback() {
    this.#watching = new AbortController();
    window.addEventListener("hashchange", () => this.#begin(), { signal: this.#watching.signal });
    this.#begin();
  }

  disconnectedCallback() {
    this.#watching.abort();
  }

  #begin() {
    const token = setupToken();
    if (token === null) this.#showSignIn();
    else this.#showSetUp(token);
  }

  #showSignIn() {
    const { form, username, password } = this.#show(text.account.signIn, text.account.signIn, { autocomplete: "current-password" });
    onSubmit(form, async () => {
      try {
        if (await orWait(form, () => signIn(username.value, password.value))) return;
      } catch (error) {
        if (error.code !== "invalid_credentials") throw error;
        form.querySelector(".form-error").textContent = text.account.wrong;
      }
      password.select();
    });
  }

  #showSetUp(token) {
    const { form, username, password } = this.#show(text.setUp.title, text.setUp.submit, {
      autocomplete: "new-password",
      hint: text.account.passwordHint,
      introduction: text.setUp.hint,
    });
    const json = () => ({ token, username: username.value, password: password.value });
    onSubmit(form, async () => {
      try {
        if (!(await orWait(form, () => request("POST", "/auth/setup", { json: json() })))) return;
      } catch (error) {
        if (error.code !== "invalid_token") throw error;
        this.#showInvalidLink();
        return;
      }
      forgetToken();
      const { username: name, password: typed } = json();
      this.#showSignIn(); // if signing in fails, there is no second set-up
      await signIn(name, typed).then(() => toast(text.setUp.done), toastError);
    });
    form.classList.add("set-up");
  }

  #showInvalidLink() {
    const toSignIn = () => {
      forgetToken();
      this.#showSignIn();
    };
    const button = h("button", { type: "button", className: "primary", onclick: toSignIn }, text.setUp.signIn);
    this.replaceChildren(
      h(
        "section",
        { className: "card sign-in set-up", role: "alert" },
        h("h1", {}, text.setUp.invalid),
        h("p", {}, text.setUp.invalidHint),
        h("p", {}, text.setUp.restart),
        h("p", {}, text.setUp.otherwise),
        h("pre", { tabIndex: 0 }, h("code", {}, COMMAND)),
        button,
      ),
    );
    button.focus();
  }

  #show(title, submit, { autocomplete, hint, introduction }) {
    const username = h("input", { name: "username", autocomplete: "username", required: true, autocapitalize: "none", spellcheck: false });
    const { element, input: password } = passwordField(text.account.password, { autocomplete, pointer: "/password", hint });
    const form = h(
      "form",
      { className: "card sign-in" },
      h("h1", {}, title),
      introduction && h("p", {}, introduction),
      formError(),
      field(text.account.username, username, { pointer: "/username" }),
      element,
      h("button", { className: "primary" }, submit),
    );
    this.replaceChildren(form);
    queueMicrotask(() => username.focus()); // in a dialog, only after it is open
    return { form, username, password };
  }
}

/** Returns what follows `#setup=` in the address, or null. */
function setupToken() {
  return location.hash.startsWith(SETUP) ? location.hash.slice(SETUP.length) : null;
}

/** Removes the token from the address, so that it is not kept in the history. */
function forgetToken() {
  history.replaceState(null, "", location.pathname + location.search);
}

customElements.define("sign-in-form", SignInForm);
