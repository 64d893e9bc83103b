// Requests to the server: JSON and arrays, kept for a while, with errors that say what to do. A saved page answers itself.

import { parseNpy } from "./npy.js";
import { heldAddress, heldAnswer, saved } from "./saved.js";

const BASE = saved ? new URL("saved:/") : new URL("../", import.meta.url);
const MOST = 48 * 2 ** 20;

/** That the server is gone. */
export function unanswered() {
  return new ApiError("The server does not answer.", "Start it again with `convscope studio`.", 0);
}

const kept = new Map();
const pending = new Map();
let keptBytes = 0;

/** What the server refused, and what to do. */
export class ApiError extends Error {
  constructor(message, hint, status) {
    super(message);
    this.hint = hint;
    this.status = status;
  }
}

/** An address for links, pictures and sounds, with what is asked for; what is null or empty is left out. */
export function address(path, query = {}) {
  const url = placed(path, query);
  return saved ? heldAddress(url) : url.href;
}

function placed(path, query = {}) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, String(value));
  }
  return url;
}

/** JSON; not kept. */
export async function freshJson(path, query, signal) {
  return (await reply(placed(path, query), { signal })).json();
}

/** JSON that does not change; kept. */
export function getJson(path, query, signal) {
  return keeping(placed(path, query), signal, async (answer) => {
    const text = await answer.text();
    return [JSON.parse(text), 2 * text.length];
  });
}

/** An array that does not change; kept. */
export function getArray(path, query, signal) {
  return keeping(placed(path, query), signal, async (answer) => {
    const buffer = await answer.arrayBuffer();
    return [parseNpy(buffer), buffer.byteLength];
  });
}

/** A file. */
export async function getBlob(path, query, signal) {
  return (await reply(placed(path, query), { signal })).blob();
}

/** Sends an input of one's own; the reply is JSON. */
export async function send(path, body, type, signal) {
  const headers = { "Content-Type": type };
  return (await reply(placed(path), { method: "POST", body, headers, signal })).json();
}

/** A value that is kept, or on its way for somebody else, or asked for. */
function keeping(url, signal, read) {
  const key = url.href;
  const found = kept.get(key);
  if (found) {
    kept.delete(key);
    kept.set(key, found);
    return Promise.resolve(found.value);
  }
  if (!pending.has(key)) {
    const abort = new AbortController();
    const value = asked(url, abort.signal, read).finally(() => {
      if (pending.get(key)?.value === value) pending.delete(key);
    });
    pending.set(key, { value, abort, waiting: 0 });
  }
  return waited(key, pending.get(key), signal);
}

/** A request ends when all who wait for it have given it up. */
function waited(key, request, signal) {
  request.waiting += 1;
  if (!signal) return request.value;
  const left = new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      request.waiting -= 1;
      if (!request.waiting) {
        request.abort.abort();
        if (pending.get(key) === request) pending.delete(key);
      }
      reject(signal.reason);
    });
  });
  return Promise.race([request.value, left]);
}

async function asked(url, signal, read) {
  const key = url.href;
  const [value, bytes] = await read(await reply(url, { signal }));
  if (!kept.has(key)) keptBytes += bytes;
  kept.set(key, { value, bytes });
  for (const [oldest, { bytes: size }] of kept) {
    if (keptBytes <= MOST || kept.size === 1) break;
    kept.delete(oldest);
    keptBytes -= size;
  }
  return value;
}

async function reply(url, options) {
  let answer;
  try {
    answer = saved ? heldAnswer(url) : await fetch(url, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unanswered();
  }
  if (!answer) throw new ApiError("This is not in the saved page.", "Open the studio to see it.", 404);
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

async function refusal(answer) {
  try {
    const { error, hint } = await answer.json();
    return new ApiError(error, hint ?? "", answer.status);
  } catch {
    return new ApiError(`The server answered with status ${answer.status}.`, "", answer.status);
  }
}
