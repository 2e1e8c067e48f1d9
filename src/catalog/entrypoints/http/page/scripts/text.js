// All text of the page, in English. A translation replaces this module. Texts with a gap are functions.

import { count } from "./format.js";

/** Returns the form of a phrase for a number: `plural(2, "item", "items")` is "2 items". */
function plural(number, one, many) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

export const text = {
  title: "Catalog",
  skip: "Skip to the content",
  views: {
    label: "Views",
    items: "Items",
    categories: "Categories",
    import: "Import",
    users: "Users",
    keys: "API keys",
    sessions: "Sessions",
    audit: "Audit",
  },
  actions: {
    cancel: "Cancel",
    close: "Close",
    copy: "Copy",
    copied: "Copied",
    copyFailed: "Copy it by hand",
    retry: "Try again",
    save: "Save",
  },
  states: {
    loading: "Loading …",
    forbidden: "You may not see this",
    forbiddenHint: (scope) => `It needs the scope ${scope}. Ask an admin for another role.`,
    offline: "The service can't be reached",
    offlineHint: "Check that it runs and that this device is online. The page goes on by itself.",
    failed: "That did not work",
  },
  health: {
    label: "Health of the service",
    ok: "Healthy",
    failing: "Not ready",
    offline: "Offline",
    checking: "Checking …",
    latency: (milliseconds) => `${count(milliseconds)} ms`,
    stores: { memory: "Memory", sqlite: "SQLite", postgresql: "Postgres" },
    details: (store, version, latency) => `${store} · ${version} · ${latency}`,
    explained: (store, version, latency) => `Store ${store}, version ${version}, answered in ${latency}`,
  },
  modes: {
    local: "No sign-in: whoever uses this machine is the local admin.",
    open: "No sign-in: whoever reaches this address is an admin.",
  },
  account: {
    menu: (name) => `Account of ${name}`,
    signIn: "Sign in",
    signOut: "Sign out",
    username: "Username",
    password: "Password",
    wrong: "Username or password is wrong.",
    guest: "You read as a guest.",
    expired: "You are signed out. Sign in again; what you typed is kept.",
    changePassword: "Change password",
    currentPassword: "Current password",
    newPassword: "New password",
    passwordHint: "At least 15 characters. A few words that you make up are easy to remember.",
    passwordChanged: "The password is changed. Your other sessions have ended.",
  },
  setUp: {
    title: "Set up the first admin",
    hint: "This link works once. Choose the name and the password of the admin.",
    submit: "Create the admin",
    done: "The admin is created. Sign in.",
  },
  developer: {
    title: "For developers",
    swagger: "Try the API",
    redoc: "Read the API",
    openapi: "OpenAPI document",
    json: "Items as JSON",
    curl: "Create an item from a shell",
    key: "CATALOG_KEY is an API key. Make one in the view ",
    memory: "The store is the memory of the service: what is in it is gone after a restart.",
  },
  begin: {
    title: "The catalog is empty",
    hint: "Choose how to begin.",
    create: "Create an item",
    createHint: "Type the first one in.",
    sample: "Load 1,000 sample items",
    sampleHint: "Try searching, filtering and editing on a made-up shop.",
    import: "Import a file",
    importHint: "CSV, Excel, JSON or JSON Lines, as other systems export it.",
    loading: "Loading the sample items …",
    loaded: (number, all) => `${count(number)} of ${count(all)} items`,
    done: (number) => `${plural(number, "sample item is", "sample items are")} in the catalog.`,
    nobody: "Whoever may create or import items can fill it.",
  },
  numbers: {
    items: (number) => plural(number, "item", "items"),
    rows: (number) => plural(number, "row", "rows"),
  },
};
