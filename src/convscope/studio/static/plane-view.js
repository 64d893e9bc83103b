// One plane of an input of three axes: values, an attribution over them, the field, and a cross.

import { Panel, theme } from "./element.js";
import { maskColors } from "./over-input.js";
import {
  fitted,
  outlineClasses,
  paintClasses,
  paintOverlay,
  paintPicture,
  planeOf,
  shadeOutside,
} from "./raster.js";
import { html } from "./vendor/lit.js";

/** Draws the plane at a place of one axis; tells what the pointer is over and clicks, as positions of all three axes. */
class PlaneView extends Panel {
  static properties = {
    array: { attribute: false },
    over: { attribute: false },
    overlay: { attribute: false },
    axis: { type: Number },
    place: { attribute: false },
    field: { attribute: false },
    limits: { attribute: false },
    spacing: { attribute: false },
    most: { type: Number },
    cross: { type: Boolean },
  };

  #painted = "";

  /** The two axes that are seen. */
  get axes() {
    return [0, 1, 2].filter((each) => each !== this.axis);
  }

  render() {
    return html`<div
      class="raster"
      @pointermove=${(event) => this.#tell("cs-hover", event)}
      @pointerleave=${() => this.#send("cs-hover", null)}
      @click=${(event) => this.#tell("cs-pick", event)}
    >
      <canvas class="values"></canvas><canvas class="attribution"></canvas><canvas class="field"></canvas
      ><canvas class="classes"></canvas>
    </div>`;
  }

  updated(changed) {
    if (!this.array) return;
    const key = `${this.place[this.axis]} ${theme()}`;
    const anew = ["array", "overlay", "over", "most"].some((name) => changed.has(name));
    if (anew || key !== this.#painted) this.#paint(key);
    this.#shade();
  }

  #paint(key) {
    this.#painted = key;
    const { data, rows, columns, channels } = this.#plane(this.array);
    this.size = [rows, columns];
    const [values, attribution, field, classes] = this.querySelectorAll("canvas");
    for (const canvas of [values, classes, attribution])
      Object.assign(canvas, { width: columns, height: rows });
    this.brightness = paintPicture(values, data, channels >= 3 ? 3 : channels, this.limits);
    const found = this.over?.found;
    classes.hidden = !found?.mask;
    if (found?.mask) paintClasses(classes, this.#plane(found.mask).data, maskColors(found, this.over.colors));
    attribution.hidden = !this.overlay;
    if (this.overlay) paintOverlay(attribution, this.#plane(this.overlay).data, theme());
    const [width, height] = this.#room(rows, columns);
    const box = this.querySelector(".raster");
    box.style.width = `${width}px`;
    box.style.height = `${height}px`;
    const ratio = devicePixelRatio || 1;
    Object.assign(field, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  }

  #plane(array) {
    return planeOf(array, this.axis, this.place[this.axis]);
  }

  /** The size on the screen, in the proportions of what lies between two positions of each axis. */
  #room(rows, columns) {
    const [high, wide] = this.axes.map((axis) => this.spacing?.[axis] ?? 1);
    if (high === wide) return fitted(rows, columns, this.most, this.most);
    const scale = Math.min(this.most / (columns * wide), this.most / (rows * high));
    return [columns * wide, rows * high].map((length) => Math.max(1, Math.round(length * scale)));
  }

  #shade() {
    const canvas = this.querySelector(".field");
    const style = getComputedStyle(this);
    const [start, stop] = this.field?.[this.axis] ?? [0, Infinity];
    const here = this.place[this.axis] >= start && this.place[this.axis] < stop;
    const window =
      this.field &&
      (here
        ? this.axes.map((axis) => this.field[axis])
        : [
            [0, 0],
            [0, 0],
          ]);
    shadeOutside(canvas, window, this.size, style, this.brightness);
    const known = this.over?.known;
    if (known?.mask) outlineClasses(canvas, this.#plane(known.mask), maskColors(known, this.over.colors));
    if (!this.cross) return;
    const context = canvas.getContext("2d");
    const [y, x] = this.axes.map(
      (axis, i) => ((this.place[axis] + 0.5) * [canvas.height, canvas.width][i]) / this.size[i],
    );
    context.strokeStyle = style.getPropertyValue("--accent");
    context.lineWidth = devicePixelRatio || 1;
    context.setLineDash([4, 3]);
    context.beginPath();
    context.moveTo(0, y);
    context.lineTo(canvas.width, y);
    context.moveTo(x, 0);
    context.lineTo(x, canvas.height);
    context.stroke();
    context.setLineDash([]);
  }

  #tell(name, event) {
    const box = this.querySelector(".raster").getBoundingClientRect();
    const share = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
    const position = [...this.place];
    this.axes.forEach(
      (axis, i) =>
        (position[axis] = Math.max(0, Math.min(this.size[i] - 1, Math.floor(share[i] * this.size[i])))),
    );
    this.#send(name, position);
  }

  #send(name, position) {
    this.dispatchEvent(new CustomEvent(name, { detail: { position }, bubbles: true }));
  }
}

customElements.define("cs-plane", PlaneView);
