// Whether the items follow what others change.

import { h } from "./elements.js";
import { feedState } from "./live-feed.js";
import { text } from "./text.js";

/** `<live-status>` says it in words. It is empty if the caller may not follow changes. */
export class LiveStatus extends HTMLElement {
  #watching;

  connectedCallback() {
    this.#watching = new AbortController();
    this.setAttribute("role", "status");
    window.addEventListener("feed-state", () => this.#show(), { signal: this.#watching.signal });
    this.#show();
  }

  disconnectedCallback() {
    this.#watching.abort();
  }

  #show() {
    const state = feedState();
    if (this.dataset.state === state) return;
    this.dataset.state = state;
    const dot = h("span", { className: "live-dot", "aria-hidden": "true" });
    this.replaceChildren(...(state === "off" ? [] : [dot, h("span", { title: text.live.hints[state] }, text.live[state])]));
  }
}

customElements.define("live-status", LiveStatus);
