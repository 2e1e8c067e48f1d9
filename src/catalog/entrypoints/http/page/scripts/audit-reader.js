// Reads a page of the audit, with as many requests as that takes: one searches only a part of the change log.

import { request } from "./api.js";

const PAGE = 50;

/**
 * Reads on from `cursor` until there is a page full of events, nothing is left, or `isEnough()`. After each request before that, it
 * calls `report(events)`. Returns `{events, next}`; `next` is the cursor of the next page, or null. Throws ApiError, unless there is
 * something to show already.
 */
export async function readAudit(filters, { cursor, signal, isEnough, report }) {
  const events = [];
  let next = cursor;
  do {
    try {
      const query = { ...filters, cursor: next, limit: PAGE - events.length };
      const { data } = await request("GET", "/audit", { query, signal });
      events.push(...data.events);
      next = data.next_cursor;
    } catch (error) {
      if (!events.length || error.name === "AbortError") throw error;
      break;
    }
    if (next && events.length < PAGE) report(events.length);
  } while (next && events.length < PAGE && !isEnough());
  return { events, next };
}
