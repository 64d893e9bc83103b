// One map of A and of B in one place, on one scale, under a divider that is dragged or moved by keys.

import { Panel, styled, theme } from "../element.js";
import { shape } from "../format.js";
import { bytesAsColors } from "../planes.js";
import { fitted } from "../raster.js";
import { store } from "../store.js";
import { html, nothing } from "../vendor/lit.js";

const STEP = 0.02;
const LEAST = 160;

/** Left of the divider is A, right of it B; maps of one axis lie below each other, all channels at once. */
class Swipe extends Panel {
  static properties = { sides: { state: true }, share: { state: true } };

  #resize = new ResizeObserver(() => this.#draw());
  #images = { key: "", canvases: [] };

  constructor() {
    super();
    this.sides = null;
    const kept = Number(this.selection.swipe ?? 0.5);
    this.share = kept >= 0 && kept <= 1 ? kept : 0.5;
  }

  /** Shows maps of A and B, on the scale that both have. */
  show(a, b) {
    if (this.sides?.[0] !== a || this.sides?.[1] !== b) this.sides = [a, b];
  }

  /** Why the maps cannot lie over each other; empty where they can. */
  get unlike() {
    const [a, b] = this.sides ?? [];
    if (!a) return "";
    if (!a.positions.length || !b.positions.length) return "Single values have no positions to swipe over.";
    if (`${a.positions}` !== `${b.positions}`)
      return `Maps of ${shape(a.positions)} and of ${shape(b.positions)} do not lie over each other.`;
    return a.positions.length === 1 && a.channels !== b.channels
      ? `${a.channels} and ${b.channels} maps do not lie over each other.`
      : "";
  }

  /** The channel that is shown: the chosen one, as far as both sides have it. */
  get channel() {
    const most = Math.min(...this.sides.map(({ channels }) => channels)) - 1;
    return Math.max(0, Math.min(this.selection.c ?? 0, most));
  }

  render() {
    if (!this.sides || this.unlike) return html`<p class="muted">${this.unlike || "computing…"}</p>`;
    const flat = this.sides[0].positions.length === 1;
    return html`${flat ? nothing : this.#choice()}
      <div
        class="swipe"
        tabindex="0"
        role="slider"
        aria-label="Divider between A on its left and B on its right"
        aria-valuemin="0"
        aria-valuemax="100"
        aria-valuenow=${Math.round(100 * this.share)}
        aria-valuetext="${Math.round(100 * this.share)} % A"
        @pointerdown=${this.#down}
        @pointermove=${(event) => event.buttons && this.#move(event)}
        @pointerup=${this.#keep}
        @keydown=${this.#key}
      >
        <canvas></canvas>
        <span class="divider" ${styled({ left: `${100 * this.share}%` })}></span>
      </div>
      <p class="muted swipe-names"><span>A</span><span>B</span></p>`;
  }

  #choice() {
    const most = Math.min(...this.sides.map(({ channels }) => channels));
    return html`<div class="bar">
      <label
        >Map
        <input
          type="number"
          min="0"
          max=${most - 1}
          .value=${String(this.channel)}
          @change=${(event) => store.select({ c: Number(event.target.value), at: undefined })}
        />
        of ${most}</label
      >
    </div>`;
  }

  firstUpdated() {
    this.#resize.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#resize.disconnect();
  }

  updated() {
    this.#draw();
  }

  /** Rows and columns of what is drawn. */
  get #lengths() {
    const { positions, channels } = this.sides[0];
    return positions.length === 1 ? [channels, positions[0]] : positions.slice(-2);
  }

  #draw() {
    const box = this.querySelector(".swipe");
    if (!box || !this.clientWidth) return;
    const [rows, columns] = this.#lengths;
    const flat = this.sides[0].positions.length === 1;
    const room = Math.max(LEAST, Math.round(innerHeight * 0.6));
    const [width, height] = flat
      ? [this.clientWidth, Math.min(room, rows * 14)]
      : fitted(rows, columns, this.clientWidth, room);
    Object.assign(box.style, { width: `${width}px`, height: `${height}px` });
    const canvas = box.querySelector("canvas");
    const ratio = devicePixelRatio || 1;
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    const [a, b] = this.#painted();
    const cut = Math.round(this.share * canvas.width);
    for (const [image, left, right] of [
      [a, 0, cut],
      [b, cut, canvas.width],
    ]) {
      context.save();
      context.beginPath();
      context.rect(left, 0, right - left, canvas.height);
      context.clip();
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
      context.restore();
    }
  }

  /** Both sides, a pixel for each position; painted when something else is shown. */
  #painted() {
    const [rows, columns] = this.#lengths;
    const { channel } = this;
    if (this.#images.of !== this.sides || this.#images.key !== `${channel} ${theme()}`) {
      const canvases = this.sides.map((planes) => painted(planes, channel, rows, columns));
      this.#images = { of: this.sides, key: `${channel} ${theme()}`, canvases };
    }
    return this.#images.canvases;
  }

  #down(event) {
    event.currentTarget.setPointerCapture(event.pointerId);
    this.#move(event);
  }

  #move(event) {
    const { left, width } = this.querySelector(".swipe").getBoundingClientRect();
    this.share = Math.max(0, Math.min(1, (event.clientX - left) / width));
  }

  #keep() {
    store.select({ swipe: this.share.toFixed(3) }, false);
  }

  #key(event) {
    const steps = { ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP };
    const far = { Home: -1, End: 1, PageDown: -5 * STEP, PageUp: 5 * STEP };
    const step = steps[event.key] ?? far[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.share = Math.max(0, Math.min(1, this.share + step));
    this.#keep();
  }
}

/** A map of two axes, its middle plane where it has more; of one axis all maps, a row each. */
function painted(planes, channel, rows, columns) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: columns, height: rows });
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const fill = (map, from, to, count) => {
    const colors = bytesAsColors(planes, map, "layer", theme());
    for (let i = 0; i < count; i++) pixels[to + i] = colors[planes.data[from + i]];
  };
  if (planes.positions.length === 1) {
    for (let row = 0; row < rows; row++) fill(row, row * columns, row * columns, columns);
  } else {
    const leading = planes.positions.slice(0, -2);
    const middle = leading.reduce((whole, length) => whole * length + Math.floor(length / 2), 0);
    fill(channel, channel * planes.size + middle * rows * columns, 0, rows * columns);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

customElements.define("cs-swipe", Swipe);
