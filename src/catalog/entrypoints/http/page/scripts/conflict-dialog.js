// Stands in until the drawer's is there.

/** Resolves to null. */
export async function resolveConflict() {
  return null;
}
