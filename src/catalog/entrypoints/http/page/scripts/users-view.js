// The users, for admins.

import { AdminView } from "./admin-view.js";
import { address, change, parameter } from "./address.js";
import { request } from "./api.js";
import { debounced, h } from "./elements.js";
import { pageLinks } from "./page-links.js";
import { badge, recordTable, rowButton, when } from "./record-table.js";
import { state } from "./states.js";
import { text } from "./text.js";
import { enable, isCaller, openDelete, openDisable, openNewUser, openPasswordReset, openRole } from "./user-dialogs.js";

const PAUSE = 250;
const PAGE = 50;

/** `<users-view>` lists and searches users. Its address has `q` and `cursor`. */
export class UsersView extends AdminView {
  #search;

  heading() {
    return text.users.label;
  }

  tools() {
    const search = debounced(PAUSE, () => this.isConnected && change({ q: this.#search.value, cursor: null }, { replace: true }));
    this.#search = h("input", { type: "search", placeholder: text.users.search, "aria-label": text.users.search, oninput: search });
    const create = () => openNewUser(() => this.reload());
    return [
      h("div", { className: "admin-search" }, this.#search),
      h("button", { type: "button", className: "primary", onclick: create }, text.users.create),
    ];
  }

  async read(signal) {
    const query = { q: parameter("q"), cursor: parameter("cursor"), limit: PAGE };
    if (document.activeElement !== this.#search) this.#search.value = query.q;
    const { users, next_cursor: next } = (await request("GET", "/users", { query, signal })).data;
    const status = (next || query.cursor ? text.users.someFound : text.users.found)(users.length);
    if (!users.length) return { status, content: [state("empty", text.users.none, text.users.noneHint)] };
    const links = pageLinks({ pages: text.users.pages, first: text.users.first, more: text.users.more }, next);
    return { status, content: [recordTable(text.users.label, this.#columns(), users, { rowClass }), ...links] };
  }

  #columns() {
    return [
      { label: text.users.name, className: "wide title", cell: name },
      { label: text.users.role, cell: (user) => badge(user.role === "admin" ? "accent" : "plain", user.role) },
      { label: text.users.state, cell: standing },
      { label: text.users.since, cell: (user) => when(user.created_at) },
      { label: text.users.changed, cell: (user) => when(user.updated_at) },
      { label: text.users.actions, className: "actions", cell: (user) => this.#actions(user) },
    ];
  }

  #actions(user) {
    const done = () => this.reload();
    const { username } = user;
    return [
      rowButton(text.users.changeRole, username, () => openRole(user, done)),
      !isCaller(user) && rowButton(text.users.resetPassword, username, () => openPasswordReset(user, done)),
      h(
        "a",
        { className: "row-button", href: address({ view: "keys", user: username }), "aria-label": `${text.users.keys}: ${username}` },
        text.users.keys,
      ),
      user.disabled
        ? rowButton(text.users.enable, username, () => enable(user, done))
        : rowButton(text.users.disable, username, () => openDisable(user, done)),
      rowButton(text.users.remove, username, () => openDelete(user, done), { danger: true }),
    ];
  }
}

function name(user) {
  return [h("strong", {}, user.username), isCaller(user) && badge("plain", text.users.you)];
}

function standing(user) {
  return user.disabled ? badge("warning", text.users.disabled) : text.users.active;
}

function rowClass(user) {
  return user.disabled ? "faded" : "";
}

customElements.define("users-view", UsersView);
