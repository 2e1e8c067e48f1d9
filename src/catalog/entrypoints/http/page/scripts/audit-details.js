// What an event of the audit says, in words.

import { address } from "./address.js";
import { h } from "./elements.js";
import { instant } from "./format.js";
import { text } from "./text.js";

const UNKNOWN_NAME = "sha256:";

/** Returns the label of an action; its name, if it is one of a later version. */
export function actionLabel(event) {
  return text.audit.actions[event.action] ?? event.action;
}

/** Returns the subject of an event. A name that nobody has is only known by its hash: it may be a password in the wrong field. */
export function subjectLabel(event) {
  return event.subject?.startsWith(UNKNOWN_NAME) ? text.audit.unknownName : event.subject;
}

/** Returns all that is known of an event, as a list of terms. */
export function eventDetails(event) {
  const { audit } = text;
  const terms = [
    [audit.time, instant(event.at)],
    [audit.credential, credential(event.credential)],
    [audit.address, event.address],
    [audit.subject, subjectLabel(event) === event.subject ? null : event.subject],
    ...Object.entries(event.detail).map(([name, value]) => [words(name), String(value)]),
    [audit.request, event.request_id],
    [audit.number, `${audit.streams[event.stream]} ${event.seq}`],
  ];
  const list = terms.filter(([, value]) => value).map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value)));
  const hasItem = event.action.startsWith("item.") && event.action !== "item.removed" && event.subject;
  return [h("dl", { className: "details" }, list), hasItem && h("a", { href: address({ item: event.subject }) }, audit.item)];
}

function credential(value) {
  if (!value) return null;
  const [kind, ...rest] = value.split(":");
  return [text.audit.credentials[kind] ?? kind, ...rest].join(" ");
}

/** Returns the name of a detail as words: `created_at` becomes “Created at”. */
function words(name) {
  const spaced = name.replaceAll("_", " ");
  return spaced[0].toUpperCase() + spaced.slice(1);
}
