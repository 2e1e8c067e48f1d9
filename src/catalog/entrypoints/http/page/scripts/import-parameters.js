// The parameters of an import, from what was chosen: how the file is read, its columns, and what happens with its rows.

const PAIRS = { map: "map", set: "constants", type: "types" };

/** Options that choose how the cells of a file are read. If they change, the file may have other columns. */
export const LAYOUT = ["encoding", "delimiter", "sheet", "records", "profile"];

const NAMES = [...LAYOUT, "decimal", "on_conflict", "mode", "create", "empty", "create_categories", "category_separator", "types"];
const CURES = [...NAMES, "partial", "preserve"];

/** Returns the choices of somebody who has chosen nothing yet. `attributes` are names of columns. */
export function noChoices() {
  return { options: { types: "auto" }, map: {}, attributes: new Set(), constants: {}, types: {} };
}

/**
 * Returns the query of a request. `others` are the names of all columns that could be attributes: if all of them are, there is a
 * word for that, which keeps the address of a file with many columns short.
 */
export function importQuery({ options, map, attributes, constants, types }, others = []) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) if (value) query.append(name, value);
  const taken = [...attributes];
  if (others.length && others.every((name) => attributes.has(name))) query.append("attributes", "all");
  else if (taken.length) query.append("attributes", taken.join(","));
  for (const [name, pairs] of Object.entries({ map, set: constants, type: types })) {
    for (const [field, value] of Object.entries(pairs)) if (value) query.append(name, `${field}=${onOneLine(value)}`);
  }
  return query;
}

/** Returns what a cure would change, `[{name, value}]` with one for each alternative; nothing if it is an action for people. */
export function curesOf(cure) {
  const [, name, rest] = /^(\w+)=(\S.*)$/.exec(cure) ?? [];
  if (name in PAIRS && rest.includes("=")) return [{ name, value: rest }];
  return CURES.includes(name) ? rest.split("|").map((value) => ({ name, value })) : [];
}

/** Changes choices as a cure says. */
export function applyCure(choices, { name, value }) {
  if (!(name in PAIRS)) {
    choices.options[name] = value;
    return;
  }
  const [field, ...rest] = value.split("=");
  choices[PAIRS[name]][field] = rest.join("=");
}

/** Returns whether choices are what a cure would make them. */
export function isApplied(choices, { name, value }) {
  if (!(name in PAIRS)) return choices.options[name] === value;
  const [field, ...rest] = value.split("=");
  return choices[PAIRS[name]][field] === rest.join("=");
}

/** Names of columns match regardless of spaces; a parameter has no line breaks. */
function onOneLine(value) {
  return value.replaceAll(/\s*[\r\n]+\s*/g, " ");
}
