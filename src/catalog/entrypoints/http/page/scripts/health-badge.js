// Says whether the service works: a coloured dot, the state in words, and on request store, version and latency.

import { request } from "./api.js";
import { h } from "./elements.js";
import { afterFirstView } from "./first-view.js";
import { text } from "./text.js";

const INTERVAL = 5000;

/** `<health-badge>` asks `/health` every few seconds while the page is visible, and announces `service-reached` and `service-lost`. */
export class HealthBadge extends HTMLElement {
  #state = "checking";
  #timer;
  #watching;

  connectedCallback() {
    this.#watching = new AbortController();
    const { signal } = this.#watching;
    document.addEventListener("visibilitychange", () => this.#check(), { signal });
    // It appears together with the account beside it, which would move it.
    window.addEventListener("identified", () => this.#state === "checking" && this.#show("checking", "", ""), { signal, once: true });
    this.#timer = setTimeout(() => this.#check(), INTERVAL); // the first view goes first, but not for ever
    afterFirstView(() => this.#check(), signal);
  }

  disconnectedCallback() {
    this.#watching.abort();
    clearTimeout(this.#timer);
  }

  async #check() {
    clearTimeout(this.#timer);
    if (document.hidden) return;
    const started = performance.now();
    try {
      const { data } = await request("GET", "/health", { signal: AbortSignal.timeout(INTERVAL) });
      const latency = text.health.latency(Math.max(1, Math.round(performance.now() - started)));
      const store = text.health.stores[data.store] ?? data.store;
      this.dataset.store = data.store;
      this.#show("ok", text.health.details(store, data.version, latency), text.health.explained(store, data.version, latency));
    } catch (error) {
      const reason = error.status ? error.message : text.states.offlineHint;
      this.#show(error.status ? "failing" : "offline", reason, reason);
    }
    if (this.isConnected) this.#timer = setTimeout(() => this.#check(), INTERVAL);
  }

  #show(state, details, explained) {
    const before = this.#state;
    this.#state = state;
    this.dataset.state = state;
    this.title = explained;
    // Only a change of the state is spoken, not each measurement.
    if (state !== before || !this.firstChild) {
      this.replaceChildren(
        h("span", { className: "health-dot", "aria-hidden": "true" }),
        h("span", { className: "health-state", role: "status", "aria-label": text.health.label }, text.health[state]),
        h("span", { className: "health-details" }),
      );
    }
    this.querySelector(".health-details").textContent = details;
    if (state === "ok" && before !== "ok") window.dispatchEvent(new CustomEvent("service-reached"));
    if (state !== "ok" && before === "ok") window.dispatchEvent(new CustomEvent("service-lost"));
  }
}

customElements.define("health-badge", HealthBadge);
