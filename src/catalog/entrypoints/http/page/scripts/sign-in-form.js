// Signing in, and making the first admin with the link that the service prints at its first start.

import { request } from "./api.js";
import { h } from "./elements.js";
import { field, formError, onSubmit } from "./forms.js";
import { signIn } from "./session.js";
import { text } from "./text.js";
import { toast } from "./toasts.js";

const SETUP = "#setup=";

/** `<sign-in-form>` asks for username and password. With a set-up link in the address, it makes the first admin instead. */
export class SignInForm extends HTMLElement {
  connectedCallback() {
    const token = location.hash.startsWith(SETUP) ? decodeURIComponent(location.hash.slice(SETUP.length)) : null;
    this.#show(token);
  }

  #show(token) {
    const username = h("input", { name: "username", autocomplete: "username", required: true, autocapitalize: "none", spellcheck: false });
    const password = h("input", {
      name: "password",
      type: "password",
      required: true,
      autocomplete: token ? "new-password" : "current-password",
    });
    const form = h(
      "form",
      { className: "card sign-in" },
      h("h1", {}, token ? text.setUp.title : text.account.signIn),
      token && h("p", {}, text.setUp.hint),
      formError(),
      field(text.account.username, username, { pointer: "/username" }),
      field(text.account.password, password, { pointer: "/password", hint: token && text.account.passwordHint }),
      h("button", { className: "primary" }, token ? text.setUp.submit : text.account.signIn),
    );
    onSubmit(form, async () => {
      if (!token) {
        await signIn(username.value, password.value);
        return;
      }
      await request("POST", "/auth/setup", { json: { token, username: username.value, password: password.value } });
      history.replaceState(null, "", location.pathname + location.search);
      await signIn(username.value, password.value);
      toast(text.setUp.done);
    });
    this.replaceChildren(form);
    username.focus();
  }
}

customElements.define("sign-in-form", SignInForm);
