// Loads the sample items: a file of the service, imported like any other.

import { ApiError, request, segment, SERVICE } from "./api.js";

const INTERVAL = 300;

/** The number of sample items. */
export const SAMPLE_SIZE = 1000;

/**
 * Loads the sample items and their categories. Items that exist are left as they are. `onprogress` gets the number of items that
 * are done. Throws ApiError.
 */
export async function loadSampleItems(onprogress) {
  const headers = { "Content-Type": "application/jsonl", Prefer: "respond-async" };
  const query = { create_categories: true, on_conflict: "skip" };
  let { data } = await request("POST", "/items/import", { query, headers, body: await sampleFile() });
  while (data.status === "running") {
    onprogress(data.created + data.skipped);
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
    ({ data } = await request("GET", `/imports/${segment(data.id)}`));
  }
  if (data.status !== "done") throw new ApiError(500, { code: data.status, title: data.error ?? data.status });
  return data.created + data.skipped;
}

async function sampleFile() {
  try {
    const response = await fetch(new URL("page/sample.jsonl", SERVICE));
    if (!response.ok) throw new ApiError(response.status, { code: "unexpected", title: response.statusText });
    return await response.blob();
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(0, { code: "offline", detail: error.message });
  }
}
