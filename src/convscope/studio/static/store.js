// The selection, which all panels share and the address holds, and what the pointer is over.

import { saved } from "./saved.js";

const LISTS = new Set(["m"]);
const NUMBERS = new Set(["c", "t", "e", "from"]);

/**
 * What is selected. Short names, because they are the address: `view`, models `m`, sample `s`, layer `l`, channel `c`,
 * position `at`, target class `t`, epoch `e`; the rest are settings of panels, such as `scale`.
 */
function parse(hash) {
  const selection = {};
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (LISTS.has(name)) selection[name] = value.split(",");
    else if (name === "at") selection[name] = value ? value.split(",").map(Number) : [];
    else selection[name] = NUMBERS.has(name) ? Number(value) : value;
  }
  return selection;
}

function written(selection) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(selection)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  return `#${query.toString().replaceAll("%2C", ",").replaceAll("%2F", "/")}`;
}

class Store {
  #selection = parse(location.hash || saved?.selection || "");
  #hover = null;
  #listeners = new Set();
  #hoverListeners = new Set();

  constructor() {
    addEventListener("popstate", () => {
      this.#selection = parse(location.hash);
      this.#tell(this.#listeners);
    });
  }

  /** What is selected; not to be changed. */
  get selection() {
    return this.#selection;
  }

  /** What the pointer is over: `{layer, channel, at}`, or null. */
  get hover() {
    return this.#hover;
  }

  set hover(value) {
    if (JSON.stringify(value) === JSON.stringify(this.#hover)) return;
    this.#hover = value;
    this.#tell(this.#hoverListeners);
  }

  /** Selects. A step is one that "back" undoes; by default a change of view, layer, model or sample is. */
  select(
    changes,
    step = ["view", "l", "m", "s"].some((name) => name in changes && this.#selection[name] !== undefined),
  ) {
    const before = written(this.#selection);
    this.#selection = { ...this.#selection, ...changes };
    const after = written(this.#selection);
    if (after === before) return;
    history[step ? "pushState" : "replaceState"](null, "", after);
    this.#tell(this.#listeners);
  }

  /** Calls back when the selection changes; returns what ends that. */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The same for what the pointer is over. */
  subscribeHover(listener) {
    this.#hoverListeners.add(listener);
    return () => this.#hoverListeners.delete(listener);
  }

  #tell(listeners) {
    for (const listener of [...listeners]) listener();
  }
}

export const store = new Store();
