// One position of one map, taken apart: patch times kernel, summed, plus bias, activated, in numbers that add up.

import { getJson } from "../api.js";
import { layer, model, samplePath } from "../catalog.js";
import { scaleOf } from "../colors.js";
import { Panel, Resource, problem } from "../element.js";
import { fixed, number } from "../format.js";
import { positionNumbers } from "../numbers.js";
import { store } from "../store.js";
import { html, nothing } from "../vendor/lit.js";
import { REST } from "./input.js";
import { channelBars, grid, placesOf, rows, strongest } from "./products.js";
import { saveMenu } from "./save-menu.js";

class PositionPanel extends Panel {
  static properties = { chosenChannel: { state: true }, chosenPlane: { state: true } };

  #position = new Resource(this);
  #hovered = new Resource(this);
  #rest = null;
  #timer = 0;
  #input = new Resource(this);
  #plain = null;

  constructor() {
    super();
    this.chosenChannel = null;
    this.chosenPlane = null;
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  /** The position that is shown, as the server gave it: where the pointer rests, or else the chosen one. */
  get position() {
    return this.#hovered.value ?? this.#position.value;
  }

  /** Takes the position under the pointer apart once it rests there. */
  hovered() {
    clearTimeout(this.#timer);
    const { hover } = store;
    const wanted = hover?.layer === this.selection.l ? hover : null;
    this.#timer = setTimeout(() => {
      this.#rest = wanted;
      this.requestUpdate();
    }, REST);
  }

  render() {
    const chosen = this.#asked(this.selection.c, this.selection.at);
    const rest = this.#rest && this.#asked(this.#rest.channel, this.#rest.at);
    this.#position.of(chosen?.key ?? null, (signal) => getJson(chosen.path, chosen.query, signal));
    this.#hovered.of(rest?.key ?? null, (signal) => getJson(rest.path, rest.query, signal));
    const found = this.position;
    if (found && found !== this.#plain) {
      this.#plain = found;
      this.chosenChannel = null;
    }
    return html`<header class="panel-head">
        <h2>Position</h2>
        <p class="muted">
          ${found ? this.#title(found) : nothing}${this.#hovered.value ? ", under the pointer" : nothing}
        </p>
        ${found && !this.#hovered.value ? html`${saveMenu(this, this.#title(found), positionNumbers)}` : nothing}
      </header>
      ${found ? nothing : problem(this.#position.error)}
      ${found ? this.#parts(found) : this.#invitation(layer())}`;
  }

  /** What is asked for a position; null where the layer has none such. */
  #asked(channel, at) {
    const { s } = this.selection;
    const chosen = layer();
    if (!chosen || s === undefined || channel === undefined || at?.length !== chosen.lengths.length)
      return null;
    const path = `${samplePath(model().id, s, chosen)}/position`;
    return { path, query: { channel, at: at.join(",") }, key: `${path} ${channel} ${at}` };
  }

  #invitation(chosen) {
    if (this.#position.error) return nothing;
    return html`<p class="muted">
      Click a position of a map${chosen ? ` of ${chosen.name}` : ""}: its patch, its kernel and their products
      are shown here, with the sum that they give.
    </p>`;
  }

  #title({ layer: name, channel, at }) {
    return `${name}, ${at.length ? `map ${channel} at (${at.join(", ")})` : `value ${channel}`}`;
  }

  #parts(found) {
    return html`${this.#equation(found)} ${found.products ? this.#detail(found) : strongest(found)}`;
  }

  #detail(found) {
    const parts = partsOf(found);
    const shown = Math.min(this.chosenChannel ?? parts.order[0] ?? 0, parts.channels - 1);
    const channels = html`<h3>What each channel read adds</h3>
      ${channelBars(parts, shown, found.channels_read, (channel) => (this.chosenChannel = channel))}`;
    return html`${parts.channels > 1 ? channels : nothing}
    ${parts.lengths.length === 0 ? strongest(found) : nothing}
    ${
      parts.lengths.length === 1
        ? html`<h3>What each position read adds</h3>
            ${rows(this.#named(found), parts)}`
        : nothing
    }
    ${parts.lengths.length > 1 ? this.#grids(found, parts, shown) : nothing}`;
  }

  /** With the tokens that lie under a kernel of one axis, where its positions are those of the input. */
  #named(found) {
    const { s } = this.selection;
    const m = model();
    const meta = this.#input.of(`${m.id} ${s}`, (signal) =>
      getJson(`api/samples/${s}/input.json`, { m: m.id }, signal),
    );
    const names = meta?.tokens ?? meta?.graph?.names;
    const places = found.places[0] ?? [];
    const inside = places.filter((place) => place >= 0);
    const [start, stop] = found.field?.[0] ?? [0, 0];
    const own =
      found.gathered ||
      (inside.length === stop - start && inside.every((place) => place >= start && place < stop));
    return names && own ? { ...found, names: places.map((place) => names[place]) } : found;
  }

  /** The sum in numbers, all with as many digits behind the point. */
  #equation({ sum, bias, before, activation, value, recorded, held }) {
    const largest = Math.max(
      ...[sum, bias, before, value].map((each) => (Number.isFinite(each) ? Math.abs(each) : 0)),
      1e-9,
    );
    const places = Math.max(0, Math.min(7, 4 - Math.floor(Math.log10(largest))));
    const off = recorded === undefined ? 0 : Math.abs(recorded - value);
    const step = (text, each, mark = "") =>
      html`<tr class=${mark}>
        <th scope="row">${text}</th>
        <td title=${each}>${fixed(each, places)}</td>
      </tr>`;
    return html`<table class="equation" aria-label="How the value comes about">
      <tbody>
        ${step("sum of the products", sum)}
        ${step(held ? `what does not change with the values (${held} kept)` : "+ bias", bias)}
        ${step("= before the activation", before, "total")}
        ${step(activation === "linear" ? "no activation" : activation, value, "value")}
        ${
          off > 0
            ? html`<tr class="muted">
                <th scope="row">in the model, rounded as it is</th>
                <td title=${recorded}>${fixed(recorded, places)}</td>
              </tr>`
            : nothing
        }
      </tbody>
    </table>`;
  }

  #grids(found, parts, channel) {
    const { lengths } = parts;
    const depth = lengths.length - 2;
    const planes = lengths.slice(0, depth).reduce((a, b) => a * b, 1);
    const plane = Math.min(this.chosenPlane ?? Math.floor(planes / 2), planes - 1);
    const [height, width] = lengths.slice(depth);
    const cut = (values) =>
      values.subarray(plane * height * width * parts.channels, (plane + 1) * height * width * parts.channels);
    const of = (values) =>
      Array.from({ length: height * width }, (_, i) => cut(values)[i * parts.channels + channel]);
    const padded = parts.padded.slice(plane * height * width, (plane + 1) * height * width);
    const [patch, kernel, products] = [of(parts.patch), of(parts.kernel), of(parts.products)];
    const room = this.clientWidth || 348;
    const total = products.reduce((a, b) => a + b, 0);
    return html` <h3>
        Channel ${found.channels_read?.[channel] ?? channel} read: ${number(parts.sums[channel], 4)}
      </h3>
      ${
        planes > 1
          ? html`<label class="slider wide"
              >Plane of the kernel
              <input
                type="range"
                min="0"
                max=${planes - 1}
                .value=${String(plane)}
                @input=${(event) => (this.chosenPlane = Number(event.target.value))}
              /><output>${plane}</output></label
            >`
          : nothing
      }
      <div class="grids">
        ${grid("patch", patch, width, parts.patchScale, padded, room)}
        <span class="operator" aria-hidden="true">×</span>
        ${grid("kernel", kernel, width, parts.kernelScale, null, room)}
        <span class="operator" aria-hidden="true">=</span>
        ${grid("products", products, width, parts.productScale, padded, room)}
      </div>
      <p class="muted">
        ${planes > 1 ? "The" : "These"} ${products.length} products${planes > 1 ? " of this plane" : ""} add
        up to ${number(total, 4)}.
      </p>`;
  }
}

/** The numbers of a position as flat arrays, with the sums by channel and by position of the kernel. */
export function partsOf(found) {
  const lengths = found.shape.slice(0, -1);
  const channels = found.shape.at(-1);
  const [patch, kernel, products] = [found.patch, found.kernel, found.products].map((values) =>
    Float64Array.from(values),
  );
  const sums = new Float64Array(channels);
  const byPlace = new Float64Array(products.length / channels);
  products.forEach((product, i) => {
    sums[i % channels] += product;
    byPlace[Math.floor(i / channels)] += product;
  });
  const order = Array.from(sums.keys()).sort((a, b) => Math.abs(sums[b]) - Math.abs(sums[a]));
  return {
    lengths,
    channels,
    patch,
    kernel,
    products,
    sums,
    byPlace,
    order,
    padded: found.padded.map(Boolean),
    places: placesOf(found),
    patchScale: holding(patch),
    kernelScale: symmetric(kernel),
    productScale: symmetric(products),
  };
}

function holding(values) {
  const finite = values.filter(Number.isFinite);
  return scaleOf(Math.min(...finite, 0), Math.max(...finite, 0));
}

function symmetric(values) {
  const furthest = values.reduce(
    (most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most),
    0,
  );
  return { low: -furthest, high: furthest, kind: "diverging" };
}

customElements.define("cs-position", PositionPanel);
