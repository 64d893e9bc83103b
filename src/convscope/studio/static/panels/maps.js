// All maps of the chosen layer. The pointer over a position lights up what it sees in the input; a click takes it apart.

import { getArray, getJson } from "../api.js";
import { samplePath, sideOf } from "../catalog.js";
import { Panel, Resource, problem, theme } from "../element.js";
import { number, plural, shape } from "../format.js";
import { layoutOf, usualSize } from "../map-layout.js";
import { mapNumbers } from "../numbers.js";
import { Planes, Tiles } from "../planes.js";
import { store } from "../store.js";
import { html, nothing } from "../vendor/lit.js";
import { drawMaps, mapParts } from "./maps-drawing.js";
import { saveMenu } from "./save-menu.js";

const ORDERS = { number: "number", strength: "strength", response: "response here" };
const ARROWS = { ArrowLeft: [-1, -1], ArrowRight: [-1, 1], ArrowUp: [-2, -1], ArrowDown: [-2, 1] };

/** The maps of a layer for a sample. */
export async function loadPlanes(path, signal) {
  const [array, about] = await Promise.all([
    getArray(`${path}/maps.npy`, {}, signal),
    getJson(`${path}/maps.json`, {}, signal),
  ]);
  return new Planes(array, about);
}

class Maps extends Panel {
  static properties = { side: { type: String }, limits: { attribute: false } };

  #maps = new Resource(this);
  #tiles = null;
  #resize = new ResizeObserver(() => this.#draw());
  #lead = [];

  #planes = null;

  /** The maps on the layer's own scale. */
  get own() {
    return this.#maps.ready ? this.#maps.value : null;
  }

  /** The maps that are shown; on the scale of both sides where two are compared. */
  get planes() {
    const own = this.#maps.value;
    if (!own || !this.limits) return own;
    const { low, high } = this.limits;
    if (this.#planes?.own !== own || this.#planes.low !== low || this.#planes.high !== high)
      this.#planes = { own, low, high, wide: own.within(this.limits) };
    return this.#planes.wide;
  }

  get mode() {
    return this.selection.scale === "map" ? "map" : "layer";
  }

  /** The channel and position that is shown: under the pointer, or else the chosen one. */
  get shown() {
    const { c, at, l } = this.selection;
    const { hover } = store;
    if (hover && hover.layer === l) return hover;
    return c !== undefined && at ? { layer: l, channel: c, at } : null;
  }

  firstUpdated() {
    this.scroller = this.querySelector(".maps-scroll");
    this.canvas = this.querySelector("canvas");
    this.scroller.asFigure = () => mapParts(this, this.#layout(), this.#tiles);
    this.#resize.observe(this.scroller);
    this.scroller.addEventListener("scroll", () => this.#draw(), { passive: true });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#resize.disconnect();
  }

  hovered() {
    this.#draw();
    this.#say();
  }

  render() {
    const { chosenModel, sample, chosenLayer: chosen } = sideOf(this.side);
    const path = chosen?.maps && sample !== undefined ? samplePath(chosenModel.id, sample, chosen) : null;
    this.#maps.of(path, (signal) => loadPlanes(path, signal));
    return html` <header class="panel-head">
        <h2>${chosen?.name ?? "Maps"}</h2>
        <p class="muted">${this.#maps.busy ? "computing…" : this.planes ? this.#summary() : nothing}</p>
        <span class="grow"></span>
        ${this.side ? nothing : this.#controls()}
        ${this.planes ? saveMenu(this, `${chosen?.name} sample ${sample}`, () => mapNumbers(sideOf(this.side))) : nothing}
      </header>
      ${this.#leadingSliders()} ${problem(this.#maps.error)}
      ${chosen && !chosen.maps ? html`<p class="muted">What ${chosen.name} gives out is not kept; choose a layer before or after it.</p>` : nothing}
      <div
        class="maps-scroll"
        tabindex="0"
        role="application"
        aria-roledescription="feature maps"
        aria-label="Feature maps of ${chosen?.name}. Arrow keys move the position, Page Up and Page Down change the map, Enter takes the position apart."
        ?hidden=${Boolean(this.#maps.error) || !path}
        @keydown=${this.#key}
        @pointermove=${this.#point}
        @pointerleave=${this.#leave}
        @click=${this.#click}
      >
        <canvas></canvas>
        <div class="maps-room"></div>
      </div>
      <p class="readout" aria-live="polite"></p>`;
  }

  updated() {
    this.#draw();
    this.#say();
    if (this.planes) this.dispatchEvent(new CustomEvent("cs-maps", { bubbles: true }));
  }

  #summary() {
    const { channels, positions, low, high } = this.planes;
    const what = positions.length
      ? `${plural(channels, "map")} of ${shape(positions)}`
      : plural(channels, "value");
    return `${what}, ${number(low)} to ${number(high)}`;
  }

  #controls() {
    const { order = "number", size } = this.selection;
    const usual =
      this.planes && this.scroller
        ? usualSize(this.planes, this.scroller.clientWidth, this.scroller.clientHeight)
        : 64;
    const positions = this.planes?.positions.length;
    return html` <label
        >Order
        <select @change=${(event) => store.select({ order: event.target.value })}>
          ${Object.entries(ORDERS)
            .filter(([name]) => positions || name !== "response")
            .map(([name, text]) => html`<option value=${name} ?selected=${name === order}>${text}</option>`)}
        </select></label
      >
      <label
        >Scale
        <select @change=${(event) => store.select({ scale: event.target.value })}>
          <option value="layer" ?selected=${this.mode === "layer"}>of the layer</option>
          <option value="map" ?selected=${this.mode === "map"}>of each map</option>
        </select></label
      >
      <label class="slider"
        >Size
        <input
          type="range"
          min="10"
          max="420"
          .value=${String(size ?? usual)}
          @input=${(event) => store.select({ size: event.target.value })}
      /></label>`;
  }

  #leadingSliders() {
    const leading = this.planes?.positions.slice(0, -2) ?? [];
    if (!leading.length) return nothing;
    return html`<div class="bar">
      ${leading.map(
        (length, axis) =>
          html`<label class="slider wide"
            >${length > 1 ? "Plane" : ""} ${axis + 1}
            <input
              type="range"
              min="0"
              max=${length - 1}
              .value=${String(this.#leading()[axis])}
              @input=${(event) => this.#moveLead(axis, Number(event.target.value))}
            />
            <output>${this.#leading()[axis]}</output></label
          >`,
      )}
    </div>`;
  }

  /** The plane of maps with more than two axes. */
  #leading() {
    const leading = this.planes.positions.slice(0, -2);
    const at = this.selection.at;
    const wanted = at?.length === this.planes.positions.length ? at : this.#lead;
    return leading.map((length, axis) => Math.min(wanted[axis] ?? Math.floor(length / 2), length - 1));
  }

  #moveLead(axis, value) {
    this.#lead = this.#leading();
    this.#lead[axis] = value;
    const { at } = this.selection;
    if (at?.length === this.planes.positions.length) store.select({ at: [...this.#lead, ...at.slice(-2)] });
    this.requestUpdate();
  }

  #layout() {
    const { clientWidth, clientHeight } = this.scroller;
    const size = Number(this.selection.size ?? usualSize(this.planes, clientWidth, clientHeight));
    return layoutOf(this.planes, this.planes.channels, clientWidth, size);
  }

  /** The channels as they are shown, from first to last. */
  get channels() {
    return this.planes.ordered(this.selection.order ?? "number", this.selection.at);
  }

  #draw() {
    if (!this.planes || !this.scroller?.clientWidth) return;
    const layout = this.#layout();
    const first = this.#leading().reduce(
      (whole, part, axis) => whole * this.planes.positions[axis] + part,
      0,
    );
    const tiles = this.#tiles;
    if (
      !tiles ||
      tiles.planes !== this.planes ||
      tiles.mode !== this.mode ||
      tiles.theme !== theme() ||
      tiles.first !== first
    ) {
      this.#tiles = new Tiles(this.planes, this.mode, theme(), first);
    }
    this.querySelector(".maps-room").style.height = `${layout.height}px`;
    drawMaps(this, layout, this.#tiles);
  }

  #under(event) {
    const box = this.scroller.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top + this.scroller.scrollTop];
    const hit = this.planes && this.#layout().hit(x, y);
    return (
      hit && { layer: this.selection.l, channel: this.channels[hit.k], at: [...this.#leading(), ...hit.at] }
    );
  }

  #point(event) {
    store.hover = this.#under(event);
  }

  #leave() {
    store.hover = null;
  }

  #click(event) {
    const hit = this.#under(event);
    if (hit) store.select({ c: hit.channel, at: hit.at });
  }

  #key(event) {
    if (!this.planes || event.altKey || event.ctrlKey || event.metaKey) return;
    const { positions } = this.planes;
    const current = this.shown ?? {
      channel: this.channels[0],
      at: positions.map((length) => Math.floor(length / 2)),
    };
    const moved = this.#moved(event.key, current);
    if (!moved) return;
    event.preventDefault();
    store.hover = null;
    store.select({ c: moved.channel, at: moved.at });
    this.#reveal(moved.channel);
  }

  #moved(key, { channel, at }) {
    const { channels } = this;
    const k = channels.indexOf(channel);
    const turn = (step) => ({ channel: channels[Math.max(0, Math.min(channels.length - 1, k + step))], at });
    if (key === "PageDown" || key === "PageUp") return turn(key === "PageDown" ? 1 : -1);
    if (key === "Enter" || key === " ") return { channel, at };
    if (key === "Escape") return { channel, at };
    const arrow = ARROWS[key];
    if (!arrow) return null;
    const axis = at.length + arrow[0];
    if (!at.length) return turn(arrow[1] * (arrow[0] === -2 ? this.#layout().across : 1));
    if (axis < 0) return turn(arrow[1]);
    return {
      channel,
      at: at.map((part, i) =>
        i === axis ? Math.max(0, Math.min(this.planes.positions[i] - 1, part + arrow[1])) : part,
      ),
    };
  }

  #reveal(channel) {
    const { y, h } = this.#layout().place(this.channels.indexOf(channel));
    const { scrollTop, clientHeight } = this.scroller;
    if (y < scrollTop + 16) this.scroller.scrollTop = y - 20;
    else if (y + h > scrollTop + clientHeight) this.scroller.scrollTop = y + h + 8 - clientHeight;
  }

  #say() {
    const line = this.querySelector(".readout");
    const { shown } = this;
    const fits =
      shown &&
      this.planes &&
      shown.at.length === this.planes.positions.length &&
      shown.channel < this.planes.channels;
    const inside = fits && shown.at.every((part, axis) => part < this.planes.positions[axis]);
    if (!inside) {
      line.textContent = this.planes
        ? "Point at a map to see what a position depends on; click to take it apart."
        : "";
      return;
    }
    const where = shown.at.length
      ? `map ${shown.channel} at (${shown.at.join(", ")})`
      : `value ${shown.channel}`;
    line.textContent = `${where}: about ${number(this.planes.value(shown.channel, shown.at))}`;
  }
}

customElements.define("cs-maps", Maps);
