// The parts of the data that excite a channel most.

import { getArray, getJson } from "../api.js";
import { layer, layerPath, model, studioState } from "../catalog.js";
import { Panel, Resource, problem } from "../element.js";
import { number } from "../format.js";
import { saved } from "../saved.js";
import { patchNumbers } from "../numbers.js";
import { store } from "../store.js";
import { html, nothing } from "../vendor/lit.js";
import { inputElement, loadInput } from "./input.js";
import { saveMenu } from "./save-menu.js";

class Patches extends Panel {
  #found = new Resource(this);

  render() {
    const m = model();
    const chosen = layer();
    const { c } = this.selection;
    const place = chosen && c !== undefined ? `${layerPath(m.id, chosen)}/channels/${c}` : null;
    const path = place && studioState().data ? `${place}/patches` : null;
    const found = this.#found.of(path, (signal) => getJson(path, {}, signal));
    return html`<header class="panel-head">
        <h2>What excites ${c === undefined ? "a channel" : `channel ${c}`} most</h2>
        ${found && this.#found.ready ? saveMenu(this, `what excites ${chosen.name} ${c}`, () => patchNumbers(found)) : nothing}
      </header>
      ${place ? nothing : html`<p class="muted">Choose a kernel.</p>`}
      ${place && !path ? html`<p class="muted">There is no data to look through.</p>` : nothing}
      ${problem(this.#found.error)}
      ${path && !this.#found.ready && !this.#found.error ? html`<p class="muted">Looking through the samples…</p>` : nothing}
      ${
        found && this.#found.ready
          ? html`<div class="cards small">
                ${found.patches.map((patch) => html`<cs-patch class="card" .patch=${patch}></cs-patch>`)}
              </div>
              ${found.note ? html`<p class="muted">${found.note}</p>` : nothing}`
          : nothing
      }
      ${
        place && !saved
          ? html`<cs-excitation .path=${place}></cs-excitation>`
          : nothing
      }`;
  }
}

/** The input that excites a channel most, computed when it is asked for. */
class Excitation extends Panel {
  static properties = { path: { attribute: false }, asked: { state: true } };

  #found = new Resource(this);

  render() {
    const { path } = this;
    if (this.asked !== path)
      return html`<h3 class="skip-in-figures">By optimization</h3>
        <button class="plain" @click=${() => (this.asked = path)}>Compute it</button>`;
    const found = this.#found.of(path, async (signal) => {
      const about = await getJson(`${path}/excitation.json`, {}, signal);
      const array = await getArray(`${path}/excitation.npy`, {}, signal);
      const own = await inputElement(model());
      const needsSample = /** @type {{needsSample?: boolean}} */ (customElements.get(own) ?? {}).needsSample;
      return { about, array, element: needsSample ? "cs-input-plain" : own };
    });
    return html`<h3>By optimization</h3>
      ${problem(this.#found.error)} ${this.#found.busy ? html`<p class="muted">computing…</p>` : nothing}
      <div class="input-place"></div>
      ${found && this.#found.ready ? html`<p class="muted">Reaches ${number(found.about.reached)}. ${found.about.note ?? ""}</p>` : nothing}`;
  }

  updated() {
    const place = this.querySelector(".input-place");
    if (!place || !this.#found.ready) return;
    const { about, array, element } = this.#found.value;
    const drawn = document.createElement(element);
    Object.assign(drawn, {
      most: 160,
      meta: { shape: array.shape, axes: [], channels: [], limits: about.limits, tokens: null },
      arrays: { input: array },
    });
    place.replaceChildren(drawn);
  }
}

class Patch extends Panel {
  static properties = { patch: { attribute: false } };

  #input = new Resource(this);
  #element = null;

  render() {
    const { sample, value, at, name } = this.patch;
    this.#input.of(`${model().id} ${sample}`, (signal) => loadInput(sample, model(), signal));
    return html`<button
        class="plain patch"
        @click=${() => store.select({ s: sample, at, view: "inspect" })}
        title="Inspect it there"
      >
        <b>${number(value)}</b> <span class="muted">${name}</span>
      </button>
      <div class="input-place"></div>`;
  }

  updated() {
    const input = this.#input.value;
    if (!input) return;
    if (this.#element?.localName !== input.element) {
      this.#element = document.createElement(input.element);
      this.#element.most = 110;
      this.querySelector(".input-place").replaceChildren(this.#element);
    }
    Object.assign(this.#element, { meta: input.meta, arrays: input.arrays, field: this.patch.field ?? null });
  }
}

customElements.define("cs-excitation", Excitation);
customElements.define("cs-patch", Patch);
customElements.define("cs-patches", Patches);
