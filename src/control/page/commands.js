// @ts-check
import { element, setText } from "./elements.js";

/**
 * A command to be run on the node, and a button that copies it.
 *
 * @param {string} what What it is for.
 * @param {readonly string[]} words
 */
export function command(what, words) {
  const row = element("p", "command");
  const code = element("code", undefined, words.map(quoted).join(" "));
  const button = element("button", undefined, "Copy");
  button.type = "button";
  button.setAttribute("aria-label", `Copy the command to ${what}`);
  button.addEventListener("click", () => void copy(code, button));
  row.append(code, button);
  return row;
}

// --- internal ---

const TOLD_MS = 2000;

/** @param {string} word For a shell. */
function quoted(word) {
  return /^[\w.:/@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * A browser lets pages of other hosts than its own write to the clipboard over HTTPS only: then the text is selected.
 *
 * @param {HTMLElement} code
 * @param {HTMLElement} button Which says what was done.
 */
async function copy(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    setText(button, "Copied");
  } catch {
    const range = document.createRange();
    range.selectNodeContents(code);
    const selection = getSelection();
    selection?.removeAllRanges();
    selection?.addRange(range);
    setText(button, "Selected");
  }
  setTimeout(() => setText(button, "Copy"), TOLD_MS);
}
