// API keys: the caller's, and for admins those of others.

import { AdminView } from "./admin-view.js";
import { change, parameter } from "./address.js";
import { request } from "./api.js";
import { debounced, h, newId } from "./elements.js";
import { day, instant } from "./format.js";
import { openNewKey, openRevoke } from "./key-dialogs.js";
import { badge, recordTable, rowButton, when } from "./record-table.js";
import { caller, may } from "./session.js";
import { state } from "./states.js";
import { text } from "./text.js";

const PAUSE = 250;
const SUGGESTIONS = 20;

/** `<keys-view>` lists API keys. Its address has `user`, for the keys of somebody else. */
export class KeysView extends AdminView {
  #owner = null;
  #create;

  heading() {
    const user = otherUser();
    return user ? text.keys.of(user) : text.views.keys;
  }

  introduction() {
    return h("p", { className: "admin-hint" }, text.keys.hint);
  }

  tools() {
    const create = () => openNewKey(() => this.reload());
    this.#create = h("button", { type: "button", className: "primary", onclick: create }, text.keys.create);
    return [may("users:admin") && this.#ownerSearch(), this.#create];
  }

  async read(signal) {
    const user = otherUser();
    this.#create.hidden = Boolean(user); // keys are only ever made for oneself
    if (this.#owner && document.activeElement !== this.#owner) this.#owner.value = user;
    const keys = await keysOf(user, signal);
    if (!keys) return { status: "", content: [state("empty", text.keys.noUser(user))] };
    const hint = user ? text.keys.noneOf(user) : text.keys.noneHint;
    const content = keys.length ? recordTable(this.heading(), this.#columns(), keys, { rowClass }) : state("empty", text.keys.none, hint);
    return { status: text.keys.found(keys.length), content: [content] };
  }

  /** Returns a field for a username, which suggests those that contain what was typed. */
  #ownerSearch() {
    const names = h("datalist", { id: newId("names") });
    const suggest = debounced(PAUSE, async () => {
      const query = { q: this.#owner.value, limit: SUGGESTIONS };
      const found = await request("GET", "/users", { query, signal: this.signal }).catch(() => null); // they only help to type
      names.replaceChildren(...(found?.data.users ?? []).map(({ username }) => h("option", { value: username })));
    });
    const choose = () => change({ user: this.#owner.value.trim() });
    const oninput = () => (this.#owner.value ? suggest() : choose());
    const words = { "aria-label": text.keys.owner, placeholder: text.keys.owner };
    this.#owner = h("input", { type: "search", autocapitalize: "none", oninput, onchange: choose, ...words });
    this.#owner.setAttribute("list", names.id);
    return h("div", { className: "admin-search" }, this.#owner, names);
  }

  #columns() {
    return [
      { label: text.keys.name, className: "wide title", cell: keyName },
      { label: text.keys.scopes, className: "badges", cell: (key) => key.scopes.map((scope) => badge("plain", scope)) },
      { label: text.keys.expires, cell: expiry },
      { label: text.keys.used, cell: (key) => when(key.last_used_at, text.keys.notUsed) },
      { label: text.keys.made, cell: (key) => when(key.created_at) },
      { label: text.keys.actions, className: "actions", cell: (key) => this.#revoke(key) },
    ];
  }

  #revoke(key) {
    return rowButton(text.keys.revoke, key.name, () => openRevoke(key, () => this.reload()), { danger: true });
  }
}

/** Returns the keys of a user, the caller's if there is no name; null if nobody has the name. */
async function keysOf(user, signal) {
  try {
    return (await request("GET", "/api-keys", { query: { user }, signal })).data.api_keys;
  } catch (error) {
    if (error.code !== "user_not_found") throw error;
    return null;
  }
}

/** Returns the name of the user whose keys are shown, or an empty text for the caller's own. */
function otherUser() {
  const user = parameter("user").trim().toLowerCase();
  return user === caller()?.username ? "" : user;
}

function keyName(key) {
  return [h("strong", {}, key.name), h("code", { className: "muted" }, key.prefix)];
}

function isExpired(key) {
  return key.expires_at !== null && new Date(key.expires_at) <= new Date();
}

function expiry(key) {
  if (isExpired(key)) return badge("warning", text.keys.expired);
  if (!key.expires_at) return h("span", { className: "muted" }, text.keys.never);
  return h("time", { dateTime: key.expires_at, title: instant(key.expires_at) }, day(key.expires_at));
}

function rowClass(key) {
  return isExpired(key) ? "faded" : "";
}

customElements.define("keys-view", KeysView);
