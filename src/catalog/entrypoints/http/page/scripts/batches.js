// Changing many items at once: one commit, in which each item that somebody else changed meanwhile is left alone.

import { request } from "./api.js";

const MOST = 1000;

/**
 * Runs operations of `POST /items/batch`, a thousand at a time. Returns `{done, failed}`: the items that were changed, and the problems
 * of the others with their operations. Throws ApiError.
 */
export async function runBatch(operations) {
  const done = [];
  const failed = [];
  for (let start = 0; start < operations.length; start += MOST) {
    const part = operations.slice(start, start + MOST);
    const { data } = await request("POST", "/items/batch", { json: { operations: part } });
    data.results.forEach((result, index) => {
      if (result.problem) failed.push({ operation: part[index], problem: result.problem });
      else done.push(result.item ?? part[index]);
    });
  }
  return { done, failed };
}
