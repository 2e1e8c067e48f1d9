// Uses the types that openapi-typescript generates as a client would. It is only compiled, never run.
import type { components, operations, paths } from "./catalog";

type Item = components["schemas"]["Item"];
type Problem = components["schemas"]["Problem"];

const draft: components["schemas"]["ItemDraft"] = {
  name: "Garden chair",
  price: { amount: "49.90", currency: "EUR" },
  attributes: { colour: "green", weight_kg: 4.5, in_stock: true },
};

const query: operations["list_items"]["parameters"]["query"] = {
  currency: "EUR",
  price__lt: "50",
  version__gte: 2,
  category: ["garden-chairs"],
  sort: "name,-price",
  attributes: { "attr.colour": "green", "attr.size__gte": 10 },
};

const conditions: operations["update_item"]["parameters"]["header"] = { "If-Match": '"abc.1"' };

const repriced: paths["/api/v1/items/{key}/price"]["patch"]["requestBody"]["content"]["application/json"] = {
  amount: "39.90",
  currency: "EUR",
};

function describe(item: Item): string {
  const price = item.price === null ? "no price" : `${item.price.amount} ${item.price.currency}`;
  return `${item.sku} ${item.name}, version ${item.version.toFixed()}: ${price}`;
}

function names(page: operations["list_items"]["responses"][200]["content"]["application/json"]): string[] {
  return page.items.map((item) => item.name ?? item.id);
}

function actors(history: operations["get_item_history"]["responses"][200]["content"]["application/json"]): string[] {
  return history.changes.map((change) => change.actor);
}

function refused(status: operations["import_items"]["responses"][200]["content"]["application/json"]): number {
  return status.refused;
}

function isConflict(problem: Problem): boolean {
  return problem.code === "stale_version" && problem.status === 412;
}

export { actors, conditions, describe, draft, isConflict, names, query, refused, repriced };
