// Where the caller is signed in.

import { AdminView } from "./admin-view.js";
import { go } from "./address.js";
import { request } from "./api.js";
import { deviceName } from "./devices.js";
import { h } from "./elements.js";
import { openFormDialog } from "./form-dialog.js";
import { day, instant, moment } from "./format.js";
import { badge, recordTable, rowButton, when } from "./record-table.js";
import { signOut } from "./session.js";
import { text } from "./text.js";
import { toast } from "./toasts.js";

/** `<sessions-view>` lists the caller's sessions, and ends them. */
export class SessionsView extends AdminView {
  connectedCallback() {
    super.connectedCallback();
    window.addEventListener("password-changed", () => this.reload(), { signal: this.signal });
  }

  heading() {
    return text.views.sessions;
  }

  introduction() {
    return h("p", { className: "admin-hint" }, text.sessions.hint);
  }

  tools() {
    return [h("button", { type: "button", onclick: () => openSignOut(text.sessions.everywhere, true) }, text.sessions.everywhere)];
  }

  async read(signal) {
    const { sessions } = (await request("GET", "/auth/sessions", { signal })).data;
    sessions.sort((one, other) => other.current - one.current || other.last_used_at.localeCompare(one.last_used_at));
    return { status: text.sessions.found(sessions.length), content: [recordTable(text.views.sessions, this.#columns(), sessions)] };
  }

  #columns() {
    return [
      { label: text.sessions.device, className: "wide title", cell: device },
      { label: text.sessions.address, cell: (session) => h("code", {}, session.address ?? text.sessions.unknownAddress) },
      { label: text.sessions.used, cell: (session) => when(session.last_used_at) },
      { label: text.sessions.since, cell: (session) => when(session.created_at) },
      { label: text.sessions.until, cell: until },
      { label: text.sessions.actions, className: "actions", cell: (session) => this.#end(session) },
    ];
  }

  #end(session) {
    const name = deviceName(session.user_agent);
    const which = `${name}, ${moment(session.created_at)}`; // there may be several sessions of one device
    if (session.current) return rowButton(text.account.signOut, which, () => openSignOut(text.account.signOut, false));
    const end = async () => {
      await request("DELETE", `/auth/sessions/${session.id}`);
      toast(text.sessions.ended);
    };
    const options = { submit: text.sessions.end, danger: true, onclose: () => this.reload(), action: end };
    const ask = () => openFormDialog(text.sessions.endTitle(name), [h("p", {}, text.sessions.endHint)], options);
    return rowButton(text.sessions.end, which, ask, { danger: true });
  }
}

/** Asks whether to sign out here, or everywhere. */
function openSignOut(label, everywhere) {
  const hint = h("p", {}, everywhere ? text.sessions.everywhereHint : text.sessions.endHint);
  openFormDialog(`${label}?`, [hint], {
    submit: label,
    danger: true,
    action: async () => {
      await signOut({ everywhere });
      go({});
    },
  });
}

function device(session) {
  const name = h("strong", { title: session.user_agent ?? "" }, deviceName(session.user_agent));
  return [name, session.current && badge("good", text.sessions.current)];
}

function until(session) {
  return h("time", { dateTime: session.expires_at, title: instant(session.expires_at) }, day(session.expires_at));
}

customElements.define("sessions-view", SessionsView);
