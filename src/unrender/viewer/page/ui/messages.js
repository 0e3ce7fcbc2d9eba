// What the page says: progress politely, errors at once.

import { $ } from "./dom.js";

/** A line of progress; clears an earlier error. */
export function say(text) {
  $("error").hidden = true;
  $("status").textContent = text;
}

/** An error, as one or two plain sentences. */
export function complain(text) {
  $("status").textContent = "";
  $("error").textContent = text;
  $("error").hidden = false;
}

/** "1.5 MB", "180 kB". */
export function size(bytes) {
  return bytes >= 1e6 ? `${+(bytes / 1e6).toFixed(1)} MB` : `${Math.round(bytes / 1e3)} kB`;
}
