// Who uses the page, and what they may do.

import { ApiError, request } from "./api.js";

let me = null;

/** Asks the service who the caller is. Returns `/auth/me`, or null if somebody has to sign in. Throws ApiError. */
export async function identify() {
  try {
    me = (await request("GET", "/auth/me")).data;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    me = null;
  }
  window.dispatchEvent(new CustomEvent("identified"));
  return me;
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

/** Signs out. Throws ApiError. */
export async function signOut() {
  await request("DELETE", "/auth/session");
  return identify();
}
