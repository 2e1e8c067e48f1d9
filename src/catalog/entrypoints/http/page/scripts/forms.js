// Fields of forms, and the service's faults at the fields that they are about.

import { h, newId } from "./elements.js";
import { text } from "./text.js";

/**
 * Returns a labelled control. `control` is an `<input>`, `<select>` or `<textarea>`; `pointer` names the member of the request's
 * body that it is for, such as `/price/amount`, so that `showErrors` finds it. `hint` is shown below.
 */
export function field(label, control, { pointer, hint } = {}) {
  const id = newId("field");
  control.id = id;
  const descriptions = [`${id}-error`, ...(hint ? [`${id}-hint`] : [])];
  control.setAttribute("aria-describedby", descriptions.join(" "));
  return h(
    "div",
    { className: "field", "data-pointer": pointer },
    h("label", { htmlFor: id }, label),
    control,
    hint && h("p", { className: "field-hint", id: `${id}-hint` }, hint),
    h("p", { className: "field-error", id: `${id}-error`, role: "alert" }),
  );
}

/**
 * Shows the faults of an ApiError: each at its field, the others in the form's `.form-error`. The first wrong field gets the focus.
 */
export function showErrors(form, error) {
  clearErrors(form);
  const rest = [];
  for (const fault of error.errors ?? []) {
    const place = [...form.querySelectorAll("[data-pointer]")].find((each) => isAt(fault.pointer, each.dataset.pointer));
    if (!place) {
      rest.push(fault.detail);
      continue;
    }
    place.querySelector(".field-error").textContent = fault.detail;
    place.querySelector("input, select, textarea").setAttribute("aria-invalid", "true");
  }
  if (!error.errors?.length) rest.push(error.code === "offline" ? text.states.offline : error.message);
  form.querySelector(".form-error").textContent = rest.join(" ");
  form.querySelector("[aria-invalid]")?.focus();
}

/** Removes the faults that `showErrors` has shown. */
export function clearErrors(form) {
  for (const place of form.querySelectorAll(".field-error, .form-error")) place.textContent = "";
  for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
}

/** Returns where `showErrors` puts what is about no field. */
export function formError() {
  return h("p", { className: "form-error", role: "alert" });
}

/** Calls `action` when a form is submitted, with its buttons disabled meanwhile, and shows the ApiError that it throws. */
export function onSubmit(form, action) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearErrors(form);
    const buttons = [...form.querySelectorAll("button")];
    for (const button of buttons) button.disabled = true;
    try {
      await action();
    } catch (error) {
      showErrors(form, error);
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  });
}

function isAt(pointer, place) {
  return place !== undefined && (pointer === place || pointer?.startsWith(`${place}/`));
}
