// Who uses the page, and what they may do.

import { ApiError, request } from "./api.js";

let me = null;

/** Asks the service who the caller is. Returns `/auth/me`, or null if somebody has to sign in. Throws ApiError. */
export async function identify() {
  try {
    me = await whoever();
  } catch (error) {
    // The service takes away the cookie of a session that has ended, though not in its first minute: the browser may have a new
    // one by then. Without it, the caller may be a guest.
    if (error.status !== 401) throw error;
    me = await whoever().catch(nobody);
  }
  window.dispatchEvent(new CustomEvent("identified"));
  return me;
}

async function whoever() {
  try {
    return (await request("GET", "/auth/me")).data;
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "unauthenticated") throw error;
    return null;
  }
}

/** Returns null for a credential that is not valid. Throws the other errors. */
function nobody(error) {
  if (error.status !== 401) throw error;
  return null;
}

/** Returns who the caller is: `{username, role, scopes, kind}`, or null. */
export function caller() {
  return me;
}

/** Returns whether the caller has a scope. */
export function may(scope) {
  return me?.scopes.includes(scope) ?? false;
}

/** Signs in with a cookie, which no script can read. Throws ApiError. */
export async function signIn(username, password) {
  await request("POST", "/auth/session", { json: { username, password } });
  return identify();
}

/** Signs out, or with `everywhere` ends all sessions of the caller. Throws ApiError, but not if the session has ended already. */
export async function signOut({ everywhere = false } = {}) {
  try {
    if (everywhere) await request("POST", "/auth/logout", { json: { all: true } });
    else await request("DELETE", "/auth/session");
  } catch (error) {
    if (error.status !== 401) throw error;
  }
  return identify();
}
