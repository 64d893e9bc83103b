// How much each part of the input mattered for a class, by several methods side by side, with linked cursors.

import { getArray, getJson } from "../api.js";
import { className, layersOf, model, samplePath } from "../catalog.js";
import { Panel, Resource, problem } from "../element.js";
import { number } from "../format.js";
import { extent } from "../npy.js";
import { attributionNumbers } from "../numbers.js";
import { store } from "../store.js";
import { html, nothing } from "../vendor/lit.js";
import { loadInput } from "./input.js";
import { saveMenu } from "./save-menu.js";

class Why extends Panel {
  #methods = new Resource(this);
  #prediction = new Resource(this);

  render() {
    const m = model();
    const { s, t } = this.selection;
    const methods = this.#methods.of(m.id, (signal) => getJson(`api/models/${m.id}/methods`, {}, signal));
    const path = `${samplePath(m.id, s)}/prediction`;
    const predicted = this.#prediction.of(s === undefined ? null : path, (signal) =>
      getJson(path, {}, signal),
    );
    const chosen = this.selection.why
      ? this.selection.why.split(",")
      : (methods ?? []).filter(({ usual }) => usual).map(({ name }) => name);
    return html`<header class="panel-head">
        <h2>Why</h2>
        <p class="muted">How much each part of the input mattered${this.#explained(predicted, t)}</p>
      </header>
      ${problem(this.#methods.error ?? this.#prediction.error)}
      ${methods ? this.#controls(methods, chosen, predicted) : nothing}
      <div class="cards">
        ${chosen.map((method) => html`<cs-attribution class="card" .method=${method} .title=${methods?.find((each) => each.name === method)?.title ?? method} .takesLayer=${methods?.find((each) => each.name === method)?.layer ?? false}></cs-attribution>`)}
      </div>`;
  }

  /** The class that is explained, where one was chosen or is predicted for the whole sample. */
  #explained(predicted, t) {
    const { classes, probabilities } = predicted ?? {};
    const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : null;
    return classes && (t ?? best) !== null ? html` for <b>${className(t ?? best, classes)}</b>` : nothing;
  }

  #controls(methods, chosen, predicted) {
    const toggle = (name) => {
      const next = chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name];
      store.select({ why: next.join(",") });
    };
    const { t, at_layer: layerName } = this.selection;
    return html`<div class="bar">
        ${
          predicted?.classes
            ? html`<label
                >Class
                <select
                  @change=${(event) => store.select({ t: event.target.value === "" ? null : Number(event.target.value) })}
                >
                  <option value="">
                    ${predicted.probabilities ? "the predicted one" : "the surest one"}
                  </option>
                  ${predicted.classes.map((name, index) => html`<option value=${index} ?selected=${index === t}>${name}</option>`)}
                </select></label
              >`
            : nothing
        }
        <label
          >Layer of class activation maps
          <select @change=${(event) => store.select({ at_layer: event.target.value })}>
            <option value="">the last that fits</option>
            ${layersOf(model().id)
              .layers.filter((each) => each.maps && each.lengths.length)
              .map(
                (each) =>
                  html`<option value=${each.id} ?selected=${each.id === layerName}>${each.name}</option>`,
              )}
          </select></label
        >
      </div>
      <div class="bar" role="group" aria-label="Methods">
        ${methods.map(({ name, title }) => html`<button class="plain" aria-pressed=${chosen.includes(name)} @click=${() => toggle(name)}>${title ?? name}</button>`)}
      </div>`;
  }
}

class Attribution extends Panel {
  static properties = {
    method: { attribute: false },
    title: { attribute: false },
    takesLayer: { attribute: false },
  };

  #values = new Resource(this);
  #input = new Resource(this);
  #element = null;

  /** The attribution as the server gave it. */
  get values() {
    return this.#values.value?.array ?? null;
  }

  render() {
    const m = model();
    const { s, t, at_layer: layerName } = this.selection;
    const query = { method: this.method, class: t, layer: this.takesLayer ? layerName : null };
    this.#values.of(s === undefined ? null : JSON.stringify([m.id, s, query]), async (signal) => {
      const path = samplePath(m.id, s);
      const array = await getArray(`${path}/why.npy`, query, signal);
      return { array, about: await getJson(`${path}/why.json`, query, signal) };
    });
    this.#input.of(s === undefined ? null : `${m.id} ${s}`, (signal) => loadInput(s, m, signal));
    const found = this.#values.ready ? this.#values.value : null;
    const [low, high] = found ? extent(found.array.data) : [0, 0];
    return html`<header class="panel-head">
        <h3>${this.title}</h3>
        ${found ? saveMenu(this, `${this.method} sample ${s}`, () => attributionNumbers(this.method, query)) : nothing}
      </header>
      <p class="muted">
        ${found ? html`${number(low)} to ${number(high)}${found.about.layer ? html`, at ${found.about.layer}` : nothing}${this.#place(found.about)}` : this.#values.error ? nothing : s === undefined ? "no sample yet" : "computing…"}
      </p>
      ${problem(this.#values.error)}
      <div class="input-place"></div>
      ${found?.about.note ? html`<p class="muted">${found.about.note}</p>` : nothing}`;
  }

  /** Which value is explained, where the model puts out more than one for each class. */
  #place({ at, name }) {
    return at?.length ? html`, of ${name ?? "the output"} at (${at.join(", ")})` : nothing;
  }

  updated() {
    const input = this.#input.value;
    if (!input) return;
    if (this.#element?.localName !== input.element) {
      this.#element = document.createElement(input.element);
      this.#element.addEventListener("cs-hover", (event) => this.#link(event.detail.position));
      this.querySelector(".input-place").replaceChildren(this.#element);
    }
    Object.assign(this.#element, {
      bare: true,
      meta: input.meta,
      arrays: input.arrays,
      overlay: this.#values.ready ? (this.values ?? null) : null,
    });
  }

  /** Shows the place under the pointer in all cards. */
  #link(position) {
    /** @type {Attribution[]} */
    const cards = Array.from(this.parentElement?.querySelectorAll("cs-attribution") ?? []);
    for (const card of cards) card.mark(position);
  }

  /** Marks a place of the input. */
  mark(position) {
    if (this.#element) this.#element.cursor = position;
  }
}

customElements.define("cs-attribution", Attribution);
customElements.define("cs-why", Why);
