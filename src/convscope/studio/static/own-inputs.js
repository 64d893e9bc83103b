// Inputs of one's own: files, pictures, texts and sounds are sent to the server; the last one wins.

import { send } from "./api.js";
import { model } from "./catalog.js";
import { store } from "./store.js";

let abort = null;
let timer = 0;

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

/** Sends what `make` gives, but only when it has not been asked for again for a moment. */
export function sendSoon(make, type, wait = 60) {
  clearTimeout(timer);
  timer = setTimeout(async () => sendInput(await make(), type), wait);
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
