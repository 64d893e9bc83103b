// A pad to draw an input with the mouse, on the model's own grid; every stroke is answered at once.

import { Panel, styled } from "../element.js";
import { writeNpy } from "../npy.js";
import { sendSoon } from "../own-inputs.js";
import { html } from "../vendor/lit.js";

const FINE = 8;

class DrawPad extends Panel {
  static properties = { meta: { attribute: false }, wide: { state: true }, bright: { state: true } };

  #last = null;

  constructor() {
    super();
    this.wide = 1.4;
    this.bright = true;
  }

  /** Rows, columns and channels of what is drawn. */
  get grid() {
    const [rows, columns, channels = 1] = this.meta.shape;
    return { rows, columns, channels };
  }

  render() {
    const { rows, columns } = this.grid;
    const scale = Math.max(180, Math.min(420, innerHeight * 0.32)) / Math.max(rows, columns);
    return html`<canvas
        class="pad"
        width=${columns * FINE}
        height=${rows * FINE}
        aria-label="Draw here with the pointer"
        ${styled({ width: `${columns * scale}px`, height: `${rows * scale}px` })}
        @pointerdown=${this.#down}
        @pointermove=${this.#move}
        @pointerup=${this.#up}
      ></canvas>
      <div class="bar">
        <label class="slider"
          >Pen
          <input
            type="range"
            min="0.5"
            max=${Math.max(3, rows / 5)}
            step="0.1"
            .value=${String(this.wide)}
            @input=${(event) => (this.wide = Number(event.target.value))}
        /></label>
        <button class="plain" aria-pressed=${!this.bright} @click=${this.#turn}>Dark on bright</button>
        <button class="plain" @click=${this.#clear}>Clear</button>
      </div>`;
  }

  firstUpdated() {
    const { rows } = this.grid;
    this.wide = Math.max(0.8, rows / 12);
    this.context = this.querySelector("canvas").getContext("2d", { willReadFrequently: true });
    this.#fill();
  }

  #fill() {
    const { width, height } = this.context.canvas;
    this.context.fillStyle = this.bright ? "#000000" : "#ffffff";
    this.context.fillRect(0, 0, width, height);
  }

  #clear() {
    this.#fill();
    this.#send();
  }

  #turn() {
    this.bright = !this.bright;
    const { width, height } = this.context.canvas;
    const image = this.context.getImageData(0, 0, width, height);
    for (let i = 0; i < image.data.length; i++) if (i % 4 < 3) image.data[i] = 255 - image.data[i];
    this.context.putImageData(image, 0, 0);
    this.#send();
  }

  #place(event) {
    const box = event.target.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * event.target.width,
      ((event.clientY - box.top) / box.height) * event.target.height,
    ];
  }

  #down(event) {
    event.target.setPointerCapture(event.pointerId);
    this.#last = this.#place(event);
    this.#stroke(this.#last);
  }

  #move(event) {
    if (this.#last) this.#stroke(this.#place(event));
  }

  #up() {
    this.#last = null;
  }

  #stroke(to) {
    const { context } = this;
    Object.assign(context, {
      strokeStyle: this.bright ? "#ffffff" : "#000000",
      lineWidth: this.wide * FINE,
      lineCap: "round",
      lineJoin: "round",
    });
    context.beginPath();
    context.moveTo(...this.#last);
    context.lineTo(to[0], to[1] + 0.01);
    context.stroke();
    this.#last = to;
    this.#send();
  }

  #send() {
    sendSoon(() => writeNpy(this.values, this.meta.shape), "application/x-npy");
  }

  /** The drawing on the model's grid: the mean of the finer pixels of each, between the input's limits. */
  get values() {
    const { rows, columns, channels } = this.grid;
    const [low, high] = this.meta.limits ?? [0, 1];
    const { data } = this.context.getImageData(0, 0, columns * FINE, rows * FINE);
    const values = new Float32Array(rows * columns * channels);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let y = 0; y < FINE; y++)
          for (let x = 0; x < FINE; x++)
            sum += data[4 * ((row * FINE + y) * columns * FINE + column * FINE + x)];
        values.fill(
          low + ((high - low) * sum) / (255 * FINE * FINE),
          (row * columns + column) * channels,
          (row * columns + column + 1) * channels,
        );
      }
    }
    return values;
  }
}

customElements.define("cs-draw-pad", DrawPad);
