// Saving a change of an item that somebody else may have changed meanwhile.

import { ApiError } from "./api.js";
import { resolveConflict } from "./conflict-dialog.js";
import { readItem, updateItem } from "./item-changes.js";

/**
 * Saves a merge patch on an item as it was read. If it was changed since, asks what shall hold, and saves that. Returns the item as
 * it is then, or null if the person gave up. Throws ApiError.
 */
export async function saveItem(item, patch) {
  let [base, mine] = [item, patch];
  for (;;) {
    try {
      return await updateItem(base, mine);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "stale_version") throw error;
    }
    const theirs = await readItem(base.id);
    mine = await resolveConflict(base, mine, theirs);
    if (mine === null) return null;
    if (Object.keys(mine).length === 0) return theirs;
    base = theirs;
  }
}
