// Inputs of one's own: files, pictures, texts and sounds are sent to the server; the last one wins.

import { send } from "./api.js";
import { model } from "./catalog.js";
import { store } from "./store.js";

let abort = null;
let timer = 0;
let sent = -Infinity;

/** What is shown of the last input that was sent: `{busy, error}`. */
export const sending = new (class extends EventTarget {
  busy = false;
  error = null;

  set(busy, error = null) {
    Object.assign(this, { busy, error });
    this.dispatchEvent(new Event("change"));
  }
})();

/** Sends an input and selects it; an earlier one that is still on its way is given up. */
export async function sendInput(body, type, name = "") {
  clearTimeout(timer);
  sent = performance.now();
  abort?.abort();
  const mine = (abort = new AbortController());
  sending.set(true);
  try {
    const query = new URLSearchParams({ m: model().id, ...(name ? { name } : {}) });
    const { id } = await send(`api/inputs?${query}`, body, type, mine.signal);
    if (abort !== mine) return;
    sending.set(false);
    store.select({ s: id }, false);
  } catch (error) {
    if (abort === mine && error.name !== "AbortError") sending.set(false, error);
  }
}

/**
 * Sends what `make` gives when the last sending is a moment ago, which is at once after a pause; the last one wins.
 * @param {() => any} make
 * @param {string} type
 * @param {number} [wait] milliseconds
 */
export function sendSoon(make, type, wait = 60) {
  sendIn(make, type, Math.max(0, sent + wait - performance.now()));
}

/** Sends what `make` gives when nothing has changed for so many milliseconds. */
export function sendWhenDone(make, type, wait) {
  sendIn(make, type, wait);
}

function sendIn(make, type, milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(async () => sendInput(await make(), type), milliseconds);
}

/** Sends a file as it is. */
export function sendFile(file) {
  return sendInput(file, file.type || "application/octet-stream", file.name);
}

/** Takes files that are dropped on the page or pasted into it, and texts that are pasted where nothing is written. */
export function takeDropsAndPastes() {
  addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    sendFile(file);
  });
  addEventListener("paste", (event) => {
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
    const file = event.clipboardData?.files[0];
    if (file) sendFile(file);
    else if (model()?.element === "cs-input-text")
      sendInput(event.clipboardData.getData("text/plain"), "text/plain");
  });
}
