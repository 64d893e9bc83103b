// What the server tells by itself. A browser opens few connections to one server, and such a one stays open: of all tabs
// of the page one listens, and hands on to the others what it hears; when it is closed, another takes its place.

import { address } from "./api.js";

/**
 * Follows events of an address, as long as they come.
 * @param {string} path
 * @param {object} query
 * @param {string} name of the events
 * @param {(data: any) => void} listener receives the JSON of each
 * @returns {() => void} what ends that
 */
export function follow(path, query, name, listener) {
  const url = address(path, query);
  if (!navigator.locks || typeof BroadcastChannel === "undefined") return hear(url, name, listener);
  const channel = new BroadcastChannel(url);
  const ended = new AbortController();
  channel.addEventListener("message", ({ data }) => listener(data));
  const listen = () =>
    new Promise((resolve) => {
      const close = hear(url, name, (data) => {
        channel.postMessage(data);
        listener(data);
      });
      ended.signal.addEventListener("abort", () => {
        close();
        resolve(undefined);
      });
    });
  navigator.locks.request(url, { signal: ended.signal }, listen).catch((error) => {
    if (error.name !== "AbortError") throw error;
  });
  return () => {
    ended.abort();
    channel.close();
  };
}

function hear(url, name, listener) {
  const source = new EventSource(url);
  source.addEventListener(name, (event) => listener(JSON.parse(event.data)));
  return () => source.close();
}
