// What all panels have in common: they follow the selection, and show what is being loaded or went wrong.

import { Directive, LitElement, directive, html, nothing } from "./vendor/lit.js";
import { store } from "./store.js";

/** An element in the page's own style, that is drawn again when the selection changes. */
export class Panel extends LitElement {
  #ends = [];

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.#ends = [store.subscribe(() => this.requestUpdate()), watchTheme(() => this.requestUpdate())];
    if (this.hovered) this.#ends.push(store.subscribeHover(() => this.hovered()));
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    for (const end of this.#ends) end();
  }

  /** The selection. */
  get selection() {
    return store.selection;
  }
}

/**
 * Something that is loaded for a key. While another is on its way the last one stays, so that nothing flickers; a
 * request that is no longer wanted is given up.
 */
export class Resource {
  value = null;
  error = null;
  #host;
  #key = null;
  #abort = null;

  constructor(host) {
    this.#host = host;
  }

  /** Whether the value is the one of the last key. */
  get ready() {
    return this.#abort === null && this.error === null && this.#key !== null;
  }

  /** Whether a value is on its way. */
  get busy() {
    return this.#abort !== null;
  }

  /** The value; it is loaded where the key is new. A key of null empties it. */
  of(key, load) {
    if (key === this.#key) return this.value;
    this.#abort?.abort();
    this.#key = key;
    this.error = null;
    this.#abort = null;
    if (key === null) {
      this.value = null;
    } else {
      const abort = (this.#abort = new AbortController());
      this.#follow(load(abort.signal), abort);
    }
    return this.value;
  }

  /** Loads again at the next `of`. */
  forget() {
    this.#key = null;
  }

  async #follow(promise, abort) {
    try {
      const value = await promise;
      if (this.#abort !== abort) return;
      this.value = value;
    } catch (error) {
      if (this.#abort !== abort) return;
      this.value = null;
      this.error = error;
    }
    this.#abort = null;
    this.#host.requestUpdate();
  }
}

/**
 * Style properties of an element, in its tag: `<p ${styled({ "min-width": "3px" })}>`. They are set on the element, since the
 * page's policy refuses style attributes.
 */
export const styled = directive(
  class extends Directive {
    #set = {};

    /** @param {any} _ set by `update` */
    render(_) {
      return nothing;
    }

    /**
     * @param {any} part
     * @param {any[]} values
     */
    update(part, [properties]) {
      const { element } = part;
      for (const name of Object.keys(this.#set)) {
        if (!(name in properties)) element.style.removeProperty(name);
      }
      for (const [name, value] of Object.entries(properties)) {
        if (this.#set[name] !== value) element.style.setProperty(name, value);
      }
      this.#set = properties;
      return nothing;
    }
  },
);

/** What went wrong, and what to do. */
export function problem(error) {
  if (!error) return nothing;
  return html`<div class="problem" role="alert">
    <p>${error.message}</p>
    ${error.hint ? html`<p class="muted">${error.hint}</p>` : nothing}
  </div>`;
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const themeListeners = new Set();
let chosen = null;
try {
  chosen = localStorage.getItem("convscope-theme");
} catch {
  // A frame may have no storage; a choice then ends with the page.
}

/** `light` or `dark`: what the reader chose, or else what the system prefers. */
export function theme() {
  return chosen || (dark.matches ? "dark" : "light");
}

/** Chooses a theme, for this browser. */
export function chooseTheme(name) {
  chosen = name;
  try {
    localStorage.setItem("convscope-theme", name);
  } catch {
    // As above.
  }
  showTheme();
}

/** Calls back when the theme changes; returns what ends that. */
export function watchTheme(listener) {
  themeListeners.add(listener);
  return () => themeListeners.delete(listener);
}

/** Lets the styles of the page follow the theme, and then all that is drawn. */
function showTheme() {
  document.documentElement.dataset.theme = theme();
  for (const listener of themeListeners) listener();
}

dark.addEventListener("change", showTheme);
showTheme();
