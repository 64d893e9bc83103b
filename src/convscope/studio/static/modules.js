// Modules that are loaded when something first needs them: from the server, or from within a saved page.

import { unanswered } from "./api.js";
import { saved } from "./saved.js";

/** A module by its path below the page, such as `static/panels/maps.js`. */
export async function loadModule(path) {
  if (saved) return import(`convscope/${path}`);
  const url = new URL(`../${path}`, import.meta.url).href;
  try {
    return await import(url);
  } catch (error) {
    if (await answers(url)) throw error;
    throw unanswered();
  }
}

/** Whether the server is there: browsers say of a module only that it failed. */
async function answers(url) {
  try {
    await fetch(url, { method: "HEAD", cache: "no-store" });
    return true;
  } catch {
    return false;
  }
}
