// An input of two axes, such as a picture or a spectrogram: what kinds of such inputs share.

import { Panel, theme } from "./element.js";
import { scaleOf } from "./colors.js";
import { maskColors } from "./over-input.js";
import {
  drawBoxes,
  fitted,
  outlineClasses,
  paintClasses,
  paintNumbers,
  paintOverlay,
  paintPicture,
  shadeOutside,
} from "./raster.js";
import { extent } from "./npy.js";
import { number } from "./format.js";
import { html } from "./vendor/lit.js";

/** Draws rows and columns of values, last axis channels; shows the field and an attribution over it. */
export class RasterInput extends Panel {
  static properties = {
    arrays: { attribute: false },
    meta: { attribute: false },
    field: { attribute: false },
    overlay: { attribute: false },
    over: { attribute: false },
    cursor: { attribute: false },
    most: { type: Number },
  };

  #painted = null;
  #resize = new ResizeObserver(() => this.#fit());

  constructor() {
    super();
    this.most = Math.max(180, Math.min(520, Math.round(innerHeight * 0.3)));
  }

  /** The values that are drawn, `{data, rows, columns, channels}`. */
  get grid() {
    const [array] = Object.values(this.arrays);
    const [rows, columns, channels = 1] = array.shape;
    return { data: array.data, rows, columns, channels };
  }

  /** Draws the values into a canvas of one pixel for each; returns how bright that is, from 0 to 1. */
  paintGrid(canvas, { data, channels }) {
    if (channels === 1 || channels === 3 || channels === 4)
      return paintPicture(canvas, data, channels, this.limits);
    const sums = Float32Array.from({ length: data.length / channels }, (_, i) =>
      data.subarray(i * channels, (i + 1) * channels).reduce((a, b) => a + b, 0),
    );
    return paintNumbers(canvas, sums, scaleOf(...extent(sums)), theme());
  }

  /** The values of black and white: those that the kind knows, or else the smallest and largest. */
  get limits() {
    const { limits } = this.meta ?? {};
    const [low, high] = extent(this.grid.data);
    return limits && low >= limits[0] && high <= limits[1] ? limits : [low, high];
  }

  render() {
    return html`<div
        class="raster"
        tabindex="0"
        role="img"
        aria-label=${this.label}
        @pointermove=${this.#move}
        @pointerleave=${this.#leave}
        @click=${this.#pick}
      >
        <canvas class="values"></canvas><canvas class="attribution"></canvas><canvas class="field"></canvas
        ><canvas class="classes"></canvas>
      </div>
      <p class="under muted"></p>`;
  }

  get label() {
    if (!this.arrays) return "input";
    const { rows, columns } = this.grid;
    return `${this.meta?.title ?? "input"}, ${rows} by ${columns}`;
  }

  firstUpdated() {
    this.#resize.observe(this.parentElement);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#resize.disconnect();
  }

  updated(changed) {
    if (!this.arrays) return;
    const key = `${theme()}`;
    if (changed.has("arrays") || this.#painted !== key) this.#paint(key);
    if (changed.has("overlay")) this.#paintOverlay();
    if (changed.has("over")) this.#paintClasses();
    this.#shade();
  }

  #paint(key) {
    this.#painted = key;
    const { rows, columns } = this.grid;
    const canvas = this.querySelector(".values");
    Object.assign(canvas, { width: columns, height: rows });
    this.brightness = this.paintGrid(canvas, this.grid);
    this.#paintOverlay();
    this.#paintClasses();
    this.#fit();
  }

  #paintClasses() {
    const canvas = this.querySelector(".classes");
    const { rows, columns } = this.grid;
    Object.assign(canvas, { width: columns, height: rows });
    const found = this.over?.found;
    canvas.hidden = !found?.mask;
    if (found?.mask) paintClasses(canvas, found.mask.data, maskColors(found, this.over.colors));
  }

  #paintOverlay() {
    const canvas = this.querySelector(".attribution");
    const { rows, columns } = this.grid;
    Object.assign(canvas, { width: columns, height: rows });
    canvas.hidden = !this.overlay;
    if (this.overlay) paintOverlay(canvas, this.overlay.data, theme());
  }

  #fit() {
    if (!this.arrays || !this.parentElement) return;
    const { rows, columns } = this.grid;
    const [width, height] = fitted(
      rows,
      columns,
      Math.max(40, Math.min(this.parentElement.clientWidth, this.most * Math.max(1, columns / rows))),
      this.most,
    );
    const box = this.querySelector(".raster");
    box.style.width = `${width}px`;
    box.style.height = `${height}px`;
    const ratio = devicePixelRatio || 1;
    Object.assign(this.querySelector(".field"), {
      width: Math.round(width * ratio),
      height: Math.round(height * ratio),
    });
    this.#shade();
  }

  #shade() {
    const { rows, columns } = this.grid;
    shadeOutside(
      this.querySelector(".field"),
      this.field?.length === 2 ? this.field : null,
      [rows, columns],
      getComputedStyle(this),
      this.brightness,
    );
    this.#mark();
  }

  /** Known masks, boxes with their class and score, and the place that the pointer is over in another drawing. */
  #mark() {
    const canvas = this.querySelector(".field");
    const { rows, columns } = this.grid;
    const [sx, sy] = [canvas.width / columns, canvas.height / rows];
    const style = getComputedStyle(this);
    const { found, known, colors } = this.over ?? {};
    if (known?.mask) outlineClasses(canvas, { data: known.mask.data, rows, columns }, maskColors(known, colors));
    drawBoxes(canvas, [...(known?.marks ?? []), ...(found?.marks ?? [])], [sx, sy], style, !(this.most < 150));
    if (!this.cursor) return;
    const context = canvas.getContext("2d");
    context.strokeStyle = style.getPropertyValue("--accent");
    context.lineWidth = devicePixelRatio || 1;
    context.strokeRect(this.cursor[1] * sx, this.cursor[0] * sy, sx, sy);
  }

  #place(event) {
    const box = this.querySelector(".raster").getBoundingClientRect();
    const { rows, columns } = this.grid;
    const at = [
      ((event.clientY - box.top) / box.height) * rows,
      ((event.clientX - box.left) / box.width) * columns,
    ].map(Math.floor);
    return at[0] >= 0 && at[0] < rows && at[1] >= 0 && at[1] < columns ? at : null;
  }

  #move(event) {
    const at = this.#place(event);
    this.dispatchEvent(new CustomEvent("cs-hover", { detail: { position: at }, bubbles: true }));
    if (!at) return;
    const { data, columns, channels } = this.grid;
    const start = (at[0] * columns + at[1]) * channels;
    const values = Array.from(data.subarray(start, start + Math.min(channels, 4)), (value) => number(value));
    this.querySelector(".under").textContent = `(${at.join(", ")}): ${values.join(", ")}`;
  }

  #leave() {
    this.querySelector(".under").textContent = "";
    this.dispatchEvent(new CustomEvent("cs-hover", { detail: { position: null }, bubbles: true }));
  }

  #pick(event) {
    const at = this.#place(event);
    if (at) this.dispatchEvent(new CustomEvent("cs-pick", { detail: { position: at }, bubbles: true }));
  }
}
