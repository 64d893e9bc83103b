// The views of the page, and the panels of each, which are loaded when they are first shown.

import { html } from "./vendor/lit.js";

/** Views by their names in the address, in the order of the tabs. */
export const VIEWS = {
  inspect: {
    title: "Inspect",
    panels: ["model", "explain", "input", "prediction", "maps", "position"],
    draw: () => html`
      <div class="column column-model"><cs-model class="panel"></cs-model><cs-explain class="panel"></cs-explain></div>
      <div class="column column-maps">
        <div class="pair"><cs-input class="panel"></cs-input><cs-prediction class="panel"></cs-prediction></div>
        <cs-maps class="panel"></cs-maps>
      </div>
      <div class="column column-position"><cs-position class="panel"></cs-position></div>`,
  },
};

/** Loads the panels of a view; what it returns draws them. */
export async function loadView(name) {
  const { panels, draw } = VIEWS[name] ?? VIEWS.inspect;
  await Promise.all(panels.map((panel) => import(`./panels/${panel}.js`)));
  return draw;
}
