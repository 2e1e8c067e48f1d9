// Copying what is shown.

/** Copies the text of an element. Returns whether the browser did. */
export async function copyTextOf(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    return copySelected(element); // without TLS there is no clipboard, except on the own machine
  }
}

function copySelected(element) {
  const selection = getSelection();
  selection.selectAllChildren(element);
  const isCopied = document.execCommand("copy");
  if (isCopied) selection.removeAllRanges(); // otherwise people can copy it themselves
  return isCopied;
}
