// What is said: errors for everybody, results for screen readers.

import { find } from "./dom.js";

let timer;

/** Shows what went wrong, for a while. */
export function failed(error) {
  const message = find("message");
  message.textContent = error.message;
  message.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(silence, 12_000);
}

export function silence() {
  find("message").hidden = true;
}

/** Says something to those who do not see it. */
export function announce(text) {
  find("status").textContent = text;
}
