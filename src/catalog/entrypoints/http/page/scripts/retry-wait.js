// The wait that the service asks for after too many failed attempts.

import { text } from "./text.js";

const SECOND = 1000;

/**
 * Does what a form is for. If the service asks to wait, shows why, counts the seconds down on the form's last button, and returns
 * false after them. Otherwise returns true, or throws what `action` throws. The buttons have to be disabled meanwhile.
 */
export async function orWait(form, action) {
  try {
    await action();
    return true;
  } catch (error) {
    if (!error.retryAfter) throw error;
    const fault = form.querySelector(".form-error");
    fault.textContent = text.account.waits[error.code] ?? error.message;
    await countDown([...form.querySelectorAll("button")].at(-1), error.retryAfter);
    fault.textContent = "";
    return false;
  }
}

async function countDown(button, seconds) {
  const label = button.textContent;
  const end = performance.now() + seconds * SECOND;
  for (let left = seconds; left > 0 && button.isConnected; left = Math.ceil((end - performance.now()) / SECOND)) {
    button.textContent = text.account.wait(left);
    await new Promise((resolve) => setTimeout(resolve, Math.min(SECOND, end - performance.now())));
  }
  button.textContent = label;
}
