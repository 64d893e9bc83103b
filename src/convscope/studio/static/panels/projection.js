// Samples as points by what a layer makes of them, in two dimensions; a lasso selects.

import { getArray, getJson } from "../api.js";
import { className, classNames, layer, layerPath, layersOf, model, studioState } from "../catalog.js";
import { Panel, Resource, problem, styled } from "../element.js";
import { count, number, plural } from "../format.js";
import { groupColor, groupsOf } from "../groups.js";
import { projectionNumbers } from "../numbers.js";
import { store } from "../store.js";
import { thumbnailAddress, thumbnailOf } from "../thumbnail.js";
import { html, nothing } from "../vendor/lit.js";
import { PointMap } from "../point-map.js";
import { saveMenu } from "./save-menu.js";

const METHODS = { pca: "PCA", tsne: "t-SNE", umap: "UMAP" };
const GROUPINGS = { labels: "label", predicted: "prediction", right: "right or wrong" };
const MOST_SHOWN = 60;

class Projection extends Panel {
  static properties = {
    grouping: { state: true },
    thumbnails: { state: true },
    lasso: { state: true },
    chosen: { state: true },
    pointed: { state: true },
  };

  #points = new Resource(this);
  #neighbors = new Resource(this);
  #map = null;
  #grouped = { about: null, grouping: "", groups: null };

  constructor() {
    super();
    this.grouping = "labels";
    this.chosen = [];
    this.pointed = null;
  }

  /** Points and what is known of them, `{array, about}`. */
  get found() {
    return this.#points.value;
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#map?.end();
    this.#map = null;
  }

  render() {
    const m = model();
    const chosen = layer();
    const { proj = "pca", split } = this.selection;
    const path = chosen ? `${layerPath(m.id, chosen)}/projection` : null;
    const query = { method: proj, split };
    const found = this.#points.of(path && JSON.stringify([path, query]), async (signal) => {
      const array = await getArray(`${path}.npy`, query, signal);
      const about = await getJson(`${path}.json`, query, signal);
      const named = (numbers) =>
        numbers.map((number) => (number === null ? null : className(number, about.classes)));
      return { array, about: { ...about, labels: named(about.labels), predicted: named(about.predicted) } };
    });
    return html`<div class="space">
        <header class="panel-head">
          <h2>${chosen?.name}</h2>
          <p class="muted">
            ${found && this.#points.ready ? `${plural(found.about.ids.length, "sample")}${found.about.note ? `. ${found.about.note}` : ""}` : this.#points.error ? nothing : "computing…"}
          </p>
          ${found ? saveMenu(this, `features ${chosen?.name} ${proj}`, () => projectionNumbers(found)) : nothing}
        </header>
        ${this.#controls(proj)} ${problem(this.#points.error)}
        <div
          class="space-place"
          tabindex="0"
          role="img"
          aria-label="Map of the samples by ${chosen?.name}"
        ></div>
        ${found ? this.#legend(found.about) : nothing}
      </div>
      <div class="column">${this.#list()}</div>`;
  }

  #controls(proj) {
    const { data } = studioState();
    const layers = layersOf(model().id).layers.filter((each) => each.maps);
    const options = (names, chosen) =>
      Object.entries(names).map(
        ([name, text]) => html`<option value=${name} ?selected=${name === chosen}>${text}</option>`,
      );
    return html`<div class="bar">
      <label
        >Layer
        <select @change=${(event) => store.select({ l: event.target.value, c: undefined, at: undefined })}>
          ${layers.map(({ name }) => html`<option value=${name} ?selected=${name === this.selection.l}>${name}</option>`)}
        </select></label
      >
      <label
        >Method
        <select @change=${(event) => store.select({ proj: event.target.value })}>
          ${options(METHODS, proj)}
        </select></label
      >
      <label
        >Split
        <select @change=${(event) => store.select({ split: event.target.value })}>
          <option value="">all</option>
          ${data.splits.map((name) => html`<option value=${name} ?selected=${name === this.selection.split}>${name}</option>`)}
        </select></label
      >
      <label
        >Colors
        <select @change=${(event) => (this.grouping = event.target.value)}>
          ${options(GROUPINGS, this.grouping)}
        </select></label
      >
      ${
        model().thumbnails
          ? html`<button
              class="plain"
              aria-pressed=${Boolean(this.thumbnails)}
              @click=${() => (this.thumbnails = !this.thumbnails)}
            >
              Thumbnails
            </button>`
          : nothing
      }
      <button class="plain" aria-pressed=${Boolean(this.lasso)} @click=${() => (this.lasso = !this.lasso)}>
        Lasso
      </button>
      ${
        this.#points.busy && proj !== "pca"
          ? html`<button class="plain" @click=${() => store.select({ proj: "pca" })}>
              Stop ${METHODS[proj]}
            </button>`
          : nothing
      }
    </div>`;
  }

  /** The groups of the points; found once for each way of coloring, as there may be 100,000. */
  #groups(about) {
    const { grouping } = this;
    if (this.#grouped.about !== about || this.#grouped.grouping !== grouping)
      this.#grouped = { about, grouping, groups: this.#grouping(about) };
    return this.#grouped.groups;
  }

  #grouping({ labels, predicted }) {
    if (this.grouping === "right")
      return groupsOf(
        labels.map((label, i) =>
          label === null || predicted[i] === null ? null : label === predicted[i] ? "right" : "wrong",
        ),
        ["right", "wrong"],
      );
    return groupsOf(this.grouping === "labels" ? labels : predicted, classNames());
  }

  #legend(about) {
    const { order } = this.#groups(about);
    return html`<p class="legend">
      ${order.slice(0, 40).map((name, i) => html`<span><i ${styled({ background: groupColor(i) })}></i>${name}</span>`)}${order.length > 12 ? html`<span class="muted">12 colors repeat</span>` : nothing}
    </p>`;
  }

  #list() {
    const about = this.found?.about;
    const shown = this.chosen.length ? this.chosen : this.pointed !== null ? [this.pointed] : [];
    if (!about || !shown.length)
      return html`<p class="muted skip-in-figures">
          Point at a sample to see it; click to select it. With the lasso, draw around several.
        </p>
        ${this.#nearest()}`;
    return html`<header class="panel-head"><h2>${plural(shown.length, "sample")}</h2></header>
      ${shown.length > 1 ? this.#counts(about, shown) : nothing}
      <ul class="sample-list">
        ${shown.slice(0, MOST_SHOWN).map(
          (i) =>
            html`<li>
              <button class="sample" @click=${() => store.select({ s: about.ids[i], view: "inspect" })}>
                ${thumbnailOf(about.ids[i])}
                <span class="sample-file">${about.names?.[i] ?? about.ids[i]}</span
                ><span class="muted"
                  >${about.labels[i] ?? ""}${about.predicted[i] !== null ? ` → ${about.predicted[i]}` : ""}</span
                >
              </button>
            </li>`,
        )}
      </ul>
      ${shown.length > MOST_SHOWN ? html`<p class="muted">The first ${MOST_SHOWN} of ${count(shown.length)}.</p>` : nothing}`;
  }

  /** The samples that are most like the selected one. */
  #nearest() {
    const { s, split } = this.selection;
    const chosen = layer();
    const path =
      chosen && s !== undefined && this.#points.ready ? `${layerPath(model().id, chosen)}/neighbors` : null;
    const found = this.#neighbors.of(path && `${path} ${s} ${split}`, (signal) =>
      getJson(path, { s, split, count: 12 }, signal),
    );
    if (!found || this.#neighbors.error) return nothing;
    return html`<h3>Nearest to the selected sample</h3>
      <ul class="sample-list">
        ${found.neighbors.map(
          ({ sample, name, label, similarity }) =>
            html`<li>
              <button class="sample" @click=${() => store.select({ s: sample })}>
                ${thumbnailOf(sample)}
                <span class="sample-file" title=${name}>${name}</span
                ><span class="muted">${className(label)} cosine ${number(similarity)}</span>
              </button>
            </li>`,
        )}
      </ul>`;
  }

  #counts({ labels }, shown) {
    const counts = new Map();
    for (const i of shown)
      counts.set(labels[i] ?? "no label", (counts.get(labels[i] ?? "no label") ?? 0) + 1);
    return html`<table class="facts">
      ${[...counts]
        .sort((a, b) => b[1] - a[1])
        .map(
          ([name, many]) =>
            html`<tr>
              <th scope="row">${name}</th>
              <td>${count(many)}</td>
            </tr>`,
        )}
    </table>`;
  }

  updated() {
    const { found } = this;
    if (!found || !this.#points.ready) return;
    this.#map ??= new PointMap(this.querySelector(".space-place"), {
      point: (i) => (this.pointed = i),
      pick: (i) => store.select({ s: found.about.ids[i] }),
      choose: (numbers) => (this.chosen = numbers),
    });
    const { numbers } = this.#groups(found.about);
    const thumbnail = (i) => thumbnailAddress(this.found.about.ids[i]);
    const selected = found.about.ids.indexOf(String(this.selection.s));
    this.#map.show({
      positions: found.array,
      groups: numbers,
      thumbnail: this.thumbnails ? thumbnail : null,
      lasso: Boolean(this.lasso),
      selected,
      chosen: this.chosen,
    });
  }
}

customElements.define("cs-projection", Projection);
