// The page: a bar with sample and view, and the panels of the view that is chosen.

import { freshJson, getJson } from "./api.js";
import {
  baseOf,
  chosenModels,
  className,
  firstLayer,
  layersOf,
  loadLayers,
  loadState,
  model,
  studioState,
} from "./catalog.js";
import { Panel, Resource, chooseTheme, problem, theme } from "./element.js";
import { takeDropsAndPastes } from "./own-inputs.js";
import { wholeNumbers } from "./numbers.js";
import "./panels/epochs.js";
import { saveAllMenu } from "./panels/save-menu.js";
import { loadModule } from "./modules.js";
import { saved } from "./saved.js";
import { store } from "./store.js";
import { html, nothing } from "./vendor/lit.js";
import { VIEWS, loadView } from "./views.js";

class Studio extends Panel {
  #sample = new Resource(this);
  #view = new Resource(this);
  #whole = "";

  constructor() {
    super();
    this.start();
  }

  async start() {
    try {
      await loadState();
      await this.#complete();
    } catch (error) {
      this.error = error;
    }
    this.requestUpdate();
  }

  updated() {
    this.#keepWhole();
  }

  /** Chooses a layer where the model that was chosen has none of this name. */
  async #keepWhole() {
    const m = studioState() ? model() : null;
    const key = `${m?.id} ${store.selection.l}`;
    if (!m || this.error || key === this.#whole) return;
    this.#whole = key;
    await loadLayers(m.id);
    if (!layersOf(m.id)?.byName.has(store.selection.l)) await this.#complete();
  }

  /** Selects what was not said: the first sample, and the first layer whose values can be taken apart. */
  async #complete() {
    const m = model();
    if (!m) return;
    await Promise.all(chosenModels().map(({ id }) => loadLayers(id)));
    const { data } = studioState();
    const first =
      data && store.selection.s === undefined
        ? (await freshJson("api/samples", { count: 1, m: m.id })).rows[0]?.id
        : undefined;
    const { s = first, view } = store.selection;
    const l = layersOf(m.id).byName.has(store.selection.l) ? store.selection.l : firstLayer(m.id)?.name;
    const changes = {
      m: store.selection.m ?? [baseOf(m.id)],
      view: VIEWS[view]?.fits() ? view : "inspect",
      s,
      l,
    };
    store.select(changes, false);
  }

  render() {
    if (this.error) return html`<main class="alone">${problem(this.error)}</main>`;
    const state = studioState();
    const missing = state && chosenModels().some(({ id }) => !this.#known(id));
    if (!state || missing) return html`<main class="alone"><p class="muted">Opening the model…</p></main>`;
    if (!state.models.length) return html`<main class="alone"><p>There is no model to show.</p></main>`;
    const { view = "inspect" } = this.selection;
    this.#view.of(view, () => loadView(view));
    return html` <header class="top">
        <strong class="brand">convscope studio</strong>
        ${this.#samples()}
        <cs-epochs></cs-epochs>
        <nav aria-label="Views">
          ${Object.entries(VIEWS)
            .filter(([, { fits }]) => fits())
            .map(([name, { title }]) => this.#tab(name, title, view))}
        </nav>
        ${saved ? html`<span class="muted" title="convscope ${saved.version}">saved ${saved.when}</span>` : nothing}
        ${this.#saving()}
        <button
          class="quiet"
          @click=${() => chooseTheme(theme() === "dark" ? "light" : "dark")}
          aria-label="Change to ${theme() === "dark" ? "light" : "dark"} colors"
        >
          ${theme() === "dark" ? "Light" : "Dark"}
        </button>
      </header>
      <main class="view view-${view}">
        ${problem(this.#view.error)} ${this.#view.ready ? this.#view.value() : nothing}
      </main>`;
  }

  #known(whole) {
    const id = baseOf(whole);
    this.waiting ??= new Map();
    if (!this.waiting.has(id)) {
      this.waiting.set(id, false);
      loadLayers(id).then(
        () => {
          this.waiting.set(id, true);
          this.requestUpdate();
        },
        (error) => {
          this.error = error;
          this.requestUpdate();
        },
      );
    }
    return this.waiting.get(id);
  }

  #tab(name, title, view) {
    const target = `#${new URLSearchParams({ ...Object.fromEntries(Object.entries(this.selection).filter(([, value]) => value !== undefined && value !== null)), view: name })}`;
    return html`<a
      href=${target}
      aria-current=${name === view ? "page" : "false"}
      @click=${(event) => {
        if (event.metaKey || event.ctrlKey) return;
        event.preventDefault();
        store.select({ view: name });
      }}
      >${title}</a
    >`;
  }

  #samples() {
    const { s } = this.selection;
    if (s === undefined) return nothing;
    const m = model();
    const path = `api/samples/${s}/input.json`;
    const meta = this.#sample.of(`${m.id} ${s}`, (signal) => getJson(path, { m: m.id }, signal));
    return html`<div class="sample-bar" role="group" aria-label="Sample">
      ${this.#stepper("Previous sample", "‹", -1)}
      <span class="sample-name" title=${meta?.name ?? ""}>${meta?.name ?? "…"}</span>
      ${this.#stepper("Next sample", "›", 1)}
      ${className(meta?.label) ? html`<span class="muted sample-label">label <b>${className(meta.label)}</b></span>` : nothing}
    </div>`;
  }

  #saving() {
    const { s, l } = this.selection;
    return s === undefined ? nothing : saveAllMenu(`studio ${model().name} sample ${s} ${l}`, wholeNumbers);
  }

  #stepper(name, sign, by) {
    if (saved) return nothing;
    return html`<button class="quiet" aria-label=${name} @click=${() => this.#step(by)}>${sign}</button>`;
  }

  /** Selects the sample before or behind, among those that the filters of the data view leave. */
  async #step(by) {
    const { s } = this.selection;
    const { filtersOf } = await loadModule("static/panels/samples.js");
    const filters = filtersOf(this.selection);
    if (!this.listed || this.listed.key !== JSON.stringify(filters)) {
      const { rows } = await freshJson("api/samples", { ...filters, count: 5000 });
      this.listed = { key: JSON.stringify(filters), ids: rows.map(({ id }) => String(id)) };
    }
    const { ids } = this.listed;
    const at = ids.indexOf(String(s));
    const next = ids[(at + by + ids.length) % ids.length];
    if (next !== undefined) store.select({ s: next });
  }
}

customElements.define("cs-studio", Studio);
if (!saved) takeDropsAndPastes();
