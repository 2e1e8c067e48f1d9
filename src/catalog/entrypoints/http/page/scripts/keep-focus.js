// Replaces what is shown without losing the place of somebody who uses the keyboard.

/** Replaces the children of an element. If a control in it had the focus, the control of the same name gets it. */
export function replaceKeepingFocus(element, ...children) {
  const name = element.contains(document.activeElement) ? document.activeElement.name : "";
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (name) [...element.querySelectorAll("[name]")].find((each) => each.name === name)?.focus({ preventScroll: true });
}
