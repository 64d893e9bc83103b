// The views of the page, and the panels of each, which are loaded when they are first shown.

import { model, studioState } from "./catalog.js";
import { loadModule } from "./modules.js";
import { saved } from "./saved.js";
import { html, nothing } from "./vendor/lit.js";

const always = () => true;
const withData = () => Boolean(studioState()?.data) && !saved;

/**
 * Views by their names in the address, in the order of the tabs; `fits` tells whether there is something to show;
 * what needs all of the data is no part of a saved page.
 */
export const VIEWS = {
  inspect: {
    title: "Inspect",
    panels: ["model", "explain", "input", "prediction", "maps", "position"],
    fits: always,
    draw: () => {
      /** @type {any} */
      const element = customElements.get(model()?.element);
      const wide = element?.wide;
      const prediction = html`<cs-prediction class="panel"></cs-prediction>`;
      return html` <div class="column column-model">
          <cs-model class="panel"></cs-model><cs-explain class="panel"></cs-explain>
        </div>
        <div class="column column-maps">
          <div class="pair ${wide ? "wide" : ""}">
            <cs-input class="panel"></cs-input>${wide ? nothing : prediction}
          </div>
          <cs-maps class="panel"></cs-maps>
        </div>
        <div class="column column-position">
          ${wide ? prediction : nothing}<cs-position class="panel"></cs-position>
        </div>`;
    },
  },
  why: {
    title: "Why",
    panels: ["why"],
    fits: always,
    draw: () => html`<div class="column"><cs-why class="panel"></cs-why></div>`,
  },
  kernels: {
    title: "Kernels",
    panels: ["model", "explain", "kernels", "patches"],
    fits: always,
    draw: () =>
      html` <div class="column column-model">
          <cs-model class="panel"></cs-model><cs-explain class="panel"></cs-explain>
        </div>
        <div class="column"><cs-kernels class="panel"></cs-kernels></div>
        <div class="column"><cs-patches class="panel"></cs-patches></div>`,
  },
  data: {
    title: "Data",
    panels: ["samples", "confusion"],
    fits: withData,
    draw: () =>
      html` <div class="column"><cs-samples class="panel"></cs-samples></div>
        <div class="column"><cs-confusion class="panel"></cs-confusion></div>`,
  },
  projection: {
    title: "Feature space",
    panels: ["projection"],
    fits: withData,
    draw: () => html`<cs-projection class="panel"></cs-projection>`,
  },
  compare: {
    title: "Compare",
    panels: ["compare"],
    fits: withData,
    draw: () => html`<cs-compare class="panel"></cs-compare>`,
  },
  training: {
    title: "Training",
    panels: ["training"],
    fits: always,
    draw: () => html`<div class="column"><cs-training class="panel"></cs-training></div>`,
  },
};

/** Loads the panels of a view; what it returns draws them. */
export async function loadView(name) {
  const { panels, draw } = VIEWS[name] ?? VIEWS.inspect;
  const { inputElement } = await loadModule("static/panels/input.js");
  const loading = panels.map((panel) => loadModule(`static/panels/${panel}.js`));
  await Promise.all([inputElement(model()), ...loading]);
  return draw;
}
