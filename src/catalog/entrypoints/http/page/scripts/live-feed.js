// The live feed: what anybody changes in the catalog, as it happens. One connection serves the whole page.
//
// The page knows the number of the last change that it has seen and asks for those after it, so that none is missed while there is no
// connection. It reconnects itself: an EventSource gives up on some failures, and doesn't say on which.

import { apiUrl, request } from "./api.js";
import { may } from "./session.js";

const ITEM_KINDS = ["created", "revised", "repriced", "removed", "restored", "reverted"].map((kind) => `item.${kind}`);
const KINDS = [...ITEM_KINDS, "category.created", "category.revised", "category.removed"];
const THE_NEWEST = Number.MAX_SAFE_INTEGER;
const FIRST_DELAY = 500;
const LONGEST_DELAY = 10_000;
const KEPT_IN_BACKGROUND = 60_000;

let source = null;
let position = null;
let state = "off";
let delay = FIRST_DELAY;
let isWanted = false;
let isConnecting = false;
let timer;
let backgroundTimer;

/** Returns whether the feed is "open", "lost" or, if the caller may not read it or nobody asked for it, "off". */
export function feedState() {
  return state;
}

/**
 * Follows the changes from now on, if the caller may. Each is announced on `window` as `catalog-change` with the entry of the log as
 * `detail`; `feed-opened` says that the first connection stands, `feed-lost` that there is none, `feed-restored` that there is one
 * again. The `detail` of the last is `{isComplete}`: false if changes were missed, because the log was pruned meanwhile.
 */
export function followChanges() {
  if (isWanted) return;
  isWanted = true;
  window.addEventListener("identified", restart);
  window.addEventListener("service-reached", connectNow);
  window.addEventListener("online", connectNow);
  document.addEventListener("visibilitychange", onVisibility);
  connect();
}

async function connect() {
  clearTimeout(timer);
  if (source || isConnecting) return;
  if (!may("changes:read")) {
    setState("off");
    return;
  }
  isConnecting = true;
  try {
    const isComplete = await findPosition();
    open(isComplete);
  } catch (error) {
    lose(error.status !== 401 && error.status !== 403);
  } finally {
    isConnecting = false;
  }
}

/** Makes sure that the log still has what follows the last change that was seen. Returns whether none was missed. */
async function findPosition() {
  try {
    const { data } = await request("GET", "/changes", { query: { after: position ?? THE_NEWEST, limit: 1 } });
    const isComplete = position === null || position <= data.head;
    if (position === null || !isComplete) position = data.head;
    return isComplete;
  } catch (error) {
    if (error.code !== "log_pruned") throw error;
    position = null;
    await findPosition();
    return false;
  }
}

function open(isComplete) {
  const opened = new EventSource(apiUrl("/changes", { after: position }));
  source = opened;
  opened.addEventListener("open", () => {
    delay = FIRST_DELAY;
    const isFirst = state === "off";
    setState("open");
    announce(isFirst ? "feed-opened" : "feed-restored", { isComplete });
  });
  opened.addEventListener("error", () => {
    if (source === opened) lose(true);
  });
  for (const kind of KINDS) {
    opened.addEventListener(kind, (event) => {
      const entry = JSON.parse(event.data);
      position = entry.seq;
      announce("catalog-change", entry);
    });
  }
}

function lose(mayReturn) {
  close();
  if (state !== "lost") {
    setState("lost");
    announce("feed-lost");
  }
  if (!mayReturn) return;
  timer = setTimeout(connect, delay);
  delay = Math.min(delay * 2, LONGEST_DELAY);
}

function close() {
  clearTimeout(timer);
  source?.close();
  source = null;
}

/** Somebody else may be signed in now. */
function restart() {
  if (source && may("changes:read")) return;
  close();
  connect();
}

function connectNow() {
  if (state === "lost") connect();
}

/** Pages in the background give their connection back, as browsers have only a few for each service. */
function onVisibility() {
  clearTimeout(backgroundTimer);
  if (document.hidden) backgroundTimer = setTimeout(close, KEPT_IN_BACKGROUND);
  else if (state !== "off") connect();
}

function setState(next) {
  state = next;
  announce("feed-state");
}

function announce(name, detail) {
  window.dispatchEvent(new CustomEvent(name, { detail }));
}
