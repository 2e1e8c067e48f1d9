// The page around its views: the bar with the views, health and account, and asking to sign in.

import { address, onAddressChange, parameter } from "./address.js";
import { openDialog } from "./dialogs.js";
import { h } from "./elements.js";
import { announceFirstView } from "./first-view.js";
import { loadRest } from "./load-rest.js";
import { caller, identify } from "./session.js";
import { state, stateOfError } from "./states.js";
import { text } from "./text.js";
import { addToasts } from "./toasts.js";
import { VIEWS, viewsOf } from "./views.js";

const VIEW = "view";

/** `<catalog-page>` is the whole page. */
export class CatalogPage extends HTMLElement {
  #main = h("main", { id: "content", tabIndex: -1 });
  #nav = h("nav", { className: "views", "aria-label": text.views.label });
  #signInDialog = null;

  connectedCallback() {
    this.replaceChildren(
      h("a", { className: "skip", href: "#content" }, text.skip),
      h(
        "header",
        { className: "bar" },
        h("a", { className: "brand", href: location.pathname }, text.title),
        this.#nav,
        h("health-badge"),
        h("account-menu"),
      ),
      this.#main,
    );
    addToasts(this);
    this.addEventListener("click", followLinks);
    this.addEventListener("page-shown", finishFirstView, { capture: true, once: true });
    onAddressChange(() => this.#show());
    window.addEventListener("identified", () => this.#onIdentified());
    window.addEventListener("signed-out", () => this.#askToSignIn(text.account.expired));
    window.addEventListener("sign-in-wanted", () => this.#askToSignIn());
    window.addEventListener("service-reached", () => {
      if (this.#main.querySelector(".state-offline")) this.#start();
    });
    this.#start();
  }

  async #start() {
    try {
      await identify();
    } catch (error) {
      this.#main.replaceChildren(state("offline", text.states.offline, error.status ? error.message : text.states.offlineHint));
      announceFirstView();
    }
  }

  #onIdentified() {
    if (caller() && this.#signInDialog) {
      this.#signInDialog.close(); // the view behind it is kept, with what was typed
      this.#signInDialog = null;
    }
    this.#show();
  }

  #show() {
    const me = caller();
    if (!me) {
      this.#nav.replaceChildren();
      this.#main.replaceChildren(h("sign-in-form"));
      announceFirstView();
      return;
    }
    const views = viewsOf(me);
    const wanted = parameter(VIEW);
    const view = wanted ? views.find(({ name }) => name === wanted) : views[0];
    this.#nav.replaceChildren(...views.map((each) => link(each, each === view, each === views[0])));
    this.#nav.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    document.title = view ? `${view.label} – ${text.title}` : text.title;
    if (!view) {
      const signIn = h("button", { type: "button", className: "primary", onclick: () => this.#askToSignIn() }, text.account.signIn);
      this.#main.replaceChildren(state("forbidden", text.states.forbidden, "", me.kind === "guest" && signIn));
      announceFirstView();
    } else if (this.#main.firstElementChild?.localName !== view.element) {
      this.#showView(view.element);
    }
  }

  async #showView(element) {
    if (!customElements.get(element)) {
      const waiting = state("loading", text.states.loading);
      this.#main.replaceChildren(waiting);
      try {
        await loadRest();
      } catch (error) {
        if (waiting.isConnected) waiting.replaceWith(stateOfError(error, () => this.#showView(element)));
        return;
      }
      if (!waiting.isConnected) return;
    }
    this.#main.replaceChildren(h(element));
    if (element !== VIEWS[0].element) announceFirstView();
  }

  #askToSignIn(message) {
    if (this.#signInDialog?.open) return;
    const content = h("div", {}, message && h("p", {}, message), h("sign-in-form"));
    this.#signInDialog = openDialog(text.account.signIn, content, { className: "sign-in-dialog" });
  }
}

/** The items are there. What the first view does without is next. */
function finishFirstView() {
  announceFirstView();
  loadRest().catch(() => {}); // who wants something of it tries again
}

function link(view, isCurrent, isDefault) {
  const href = address(isDefault ? {} : { [VIEW]: view.name });
  return h("a", { href, "aria-current": isCurrent ? "page" : null }, view.label);
}

/** Follows links within the page without loading it again. */
function followLinks(event) {
  const anchor = event.target.closest("a[href]");
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!anchor || !isPlain || anchor.target || anchor.download) return;
  const url = new URL(anchor.href);
  if (url.origin !== location.origin || url.pathname !== location.pathname || url.hash) return;
  event.preventDefault();
  if (url.search !== location.search) history.pushState(null, "", url);
  window.dispatchEvent(new CustomEvent("address-changed"));
}

customElements.define("catalog-page", CatalogPage);
