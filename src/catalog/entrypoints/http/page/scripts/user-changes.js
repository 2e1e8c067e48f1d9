// Changes of users. Each says which version it was made on, so that no other admin's change is overwritten.

import { request, segment } from "./api.js";
import { etagOf } from "./item-changes.js";
import { text } from "./text.js";

/** Creates a user and returns it. Throws ApiError. */
export async function createUser(fields) {
  return (await request("POST", "/users", { json: fields })).data;
}

/**
 * Changes a user and returns it. If somebody else changed it meanwhile, `user` becomes what it is now, and the ApiError that is
 * thrown says so; the same change can then be made again.
 */
export async function updateUser(user, patch) {
  return (await expecting(user, () => request("PATCH", path(user), { json: patch, etag: etagOf(user) }))).data;
}

/** Deletes a user, in the same way. */
export async function deleteUser(user) {
  await expecting(user, () => request("DELETE", path(user), { etag: etagOf(user) }));
}

async function expecting(user, send) {
  try {
    return await send();
  } catch (error) {
    if (error.code !== "stale_version") throw error;
    Object.assign(user, (await request("GET", path(user))).data);
    error.message = text.users.stale(user.username, user.role, user.disabled ? text.users.disabled : text.users.active);
    throw error;
  }
}

function path(user) {
  return `/users/${segment(user.id)}`;
}
