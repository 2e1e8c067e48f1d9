// Dialogs that create, rename, move and delete categories.

import { ApiError } from "./api.js";
import { childrenOf, createCategory, deleteCategory, nextSibling, placeCategory, renameCategory } from "./categories.js";
import { h } from "./elements.js";
import { faultAt, openFormDialog } from "./form-dialog.js";
import { field } from "./forms.js";
import { text } from "./text.js";

const WORDS = text.categories;
const INDENT = "\u2003";

/** Asks for a new category below a parent (a slug, or null). Calls `done` with it when it exists. */
export function askNewCategory(tree, parent, done) {
  const name = h("input", { name: "name", autocomplete: "off" });
  const slug = h("input", { name: "slug", autocomplete: "off", spellcheck: false });
  const below = categorySelect(tree, WORDS.top, parent);
  const fields = [
    field(WORDS.name, name, { pointer: "/name" }),
    field(WORDS.parent, below, { pointer: "/parent" }),
    field(WORDS.slug, slug, { pointer: "/slug", hint: WORDS.slugHint }),
  ];
  openFormDialog(parent ? WORDS.createIn(tree.bySlug.get(parent).name) : WORDS.create, fields, {
    submit: WORDS.createIt,
    action: async () => {
      const draft = { name: name.value, parent: below.value || null, ...(slug.value.trim() ? { slug: slug.value } : {}) };
      done(await createCategory(draft).catch(faultAt({ slug_taken: "/slug", category_too_deep: "/parent" })));
    },
  });
}

/** Asks for another name of a category. Calls `done` with the name when it has it. */
export function askName(category, done) {
  const input = h("input", { name: "name", value: category.name, autocomplete: "off" });
  let known = category;
  const form = openFormDialog(WORDS.renameTitle(category.name), field(WORDS.name, input, { pointer: "/name" }), {
    submit: WORDS.rename,
    action: async () => {
      try {
        await renameCategory(known, input.value);
      } catch (error) {
        known = latest(error, known);
        throw error;
      }
      done(input.value.trim());
    },
  });
  form.querySelector("input").select();
}

/** Asks where a category should be. Calls `done` with its new parent (a slug, or null) when it is there. */
export function askPlace(tree, category, done) {
  const below = categorySelect(tree, WORDS.top, category.parent, category);
  const order = h("select", { name: "before" });
  const showOrder = () => {
    const siblings = childrenOf(tree, below.value).filter((each) => each !== category);
    const options = siblings.map((each) => h("option", { value: each.slug }, WORDS.before(each.name)));
    order.replaceChildren(...options, h("option", { value: "" }, WORDS.last));
    order.value = (below.value || null) === category.parent ? (nextSibling(tree, category) ?? "") : "";
  };
  below.addEventListener("change", showOrder);
  showOrder();
  const fields = [field(WORDS.parent, below, { pointer: "/parent" }), field(WORDS.place, order, { pointer: "/position" })];
  openFormDialog(WORDS.moveTitle(category.name), fields, {
    submit: WORDS.move,
    action: async () => {
      const parent = below.value || null;
      const atParent = faultAt({ category_too_deep: "/parent", category_cycle: "/parent" });
      await placeCategory(tree, category, parent, order.value || null).catch(atParent);
      done(parent);
    },
  });
}

/** Asks whether a category should be deleted, and where its content moves. Calls `done` with the slug of that, or null. */
export function askDelete(tree, category, done) {
  const own = category.item_count - category.children.reduce((sum, child) => sum + child.item_count, 0);
  const children = category.children.length;
  const contents = [own && text.numbers.items(own), children && WORDS.subcategories(children)].filter(Boolean);
  const isEmpty = !contents.length;
  const target = categorySelect(tree, WORDS.chooseTarget, null, category);
  const place = field(WORDS.moveTo, target, { pointer: "/move_to", hint: own ? WORDS.moveToHint : "" });
  place.hidden = isEmpty;
  openFormDialog(WORDS.removeTitle(category.name), [h("p", {}, isEmpty ? WORDS.removeEmpty : WORDS.removeFull(contents)), place], {
    submit: WORDS.remove,
    danger: true,
    action: async () => {
      if (!place.hidden && !target.value) throw targetNeeded(target);
      try {
        await deleteCategory(category, target.value || null);
      } catch (error) {
        // Somebody has put something into it meanwhile.
        if (error.code === "category_in_use") place.hidden = false;
        throw error;
      }
      done(target.value || null);
    },
  });
}

/** Returns a `<select>` of categories, indented by level, with a first choice of none. `without` leaves out one and those below it. */
function categorySelect(tree, none, selected, without) {
  const options = [];
  const add = (siblings) => {
    for (const each of siblings) {
      if (each === without) continue;
      options.push(h("option", { value: each.slug }, INDENT.repeat(each.level - 1) + each.name));
      add(each.children);
    }
  };
  add(tree.roots);
  const select = h("select", { name: "category" }, h("option", { value: "" }, none), options);
  select.value = selected ?? "";
  return select;
}

function targetNeeded(target) {
  const detail = target.options.length > 1 ? WORDS.targetNeeded : WORDS.noTarget;
  return new ApiError(422, { code: "target_needed", detail, errors: [{ pointer: "/move_to", detail }] });
}

/** Returns a category as it is now, if an error says how it was changed, and says so at the field of its name. */
function latest(error, category) {
  const theirs = error.problem?.theirs;
  if (!theirs) return category;
  if (theirs.name !== category.name) error.errors = [{ pointer: "/name", detail: WORDS.theirName(theirs.name) }];
  return { ...category, ...theirs };
}
