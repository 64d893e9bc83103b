// Modules that are loaded when something first needs them: from the server, or from within a saved page.

import { saved } from "./saved.js";

/** A module by its path below the page, such as `static/panels/maps.js`. */
export function loadModule(path) {
  return import(saved ? `convscope/${path}` : new URL(`../${path}`, import.meta.url).href);
}
