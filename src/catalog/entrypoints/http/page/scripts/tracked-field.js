// A field that is being edited while others may change it too.

import { same } from "./exact-json.js";
import { text } from "./text.js";

/** Keeps what a field was when its editing began, so that neither an edit nor a change from elsewhere is lost. */
export class TrackedField {
  #write;
  #shown;

  /**
   * `element` is the field; its `.field-note` gets notices. `write` shows a value in its controls, `read` returns what they say now
   * as a text, and `value` as a value of the API.
   */
  constructor(element, { write, read, value }) {
    this.element = element;
    this.read = read;
    this.value = value;
    this.#write = write;
  }

  /** Shows a value as it is stored. */
  show(value) {
    /** The value that the edits are based on. */
    this.base = value;
    this.#write(value);
    // Controls may change a value, such as line ends, without anybody having edited it. So edits show in what controls say.
    this.#shown = this.read();
    this.#note("");
  }

  get isEdited() {
    return this.read() !== this.#shown;
  }

  /** Takes a value as it is stored now. Edits stay, with a notice. Returns whether somebody changed it. `toText` is for the notice. */
  update(value, toText) {
    if (same(value, this.base)) {
      this.#note("");
      return false;
    }
    if (this.isEdited) {
      this.#note(text.drawer.meanwhile(toText(value)));
    } else {
      this.show(value);
      this.mark();
    }
    return true;
  }

  /** Marks the field for a moment: it was changed elsewhere. */
  mark() {
    const { element } = this;
    element.classList.add("field-updated");
    element.addEventListener("animationend", () => element.classList.remove("field-updated"), { once: true });
  }

  #note(message) {
    this.element.querySelector(".field-note").textContent = message;
  }
}
