// The kernels of the chosen layer, and what excites each of them most in the data.

import { getArray } from "../api.js";
import { layer, layerPath, model } from "../catalog.js";
import { scaleOf } from "../colors.js";
import { Panel, Resource, problem, styled, theme } from "../element.js";
import { number, plural, shape } from "../format.js";
import { extent } from "../npy.js";
import { kernelNumbers } from "../numbers.js";
import { paintNumbers, paintPicture } from "../raster.js";
import { store } from "../store.js";
import { html, nothing } from "../vendor/lit.js";
import { saveMenu } from "./save-menu.js";

const MOST = 512;

class Kernels extends Panel {
  static properties = { channel: { state: true } };

  #weights = new Resource(this);

  constructor() {
    super();
    this.channel = -1;
  }

  /** The weights as the server gave them, (positions..., channels in, kernels). */
  get weights() {
    return this.#weights.value;
  }

  render() {
    const m = model();
    const chosen = layer();
    const path = chosen?.kernels ? `${layerPath(m.id, chosen)}/kernels.npy` : null;
    const found = this.#weights.of(path, (signal) => getArray(path, {}, signal));
    return html`<header class="panel-head">
        <h2>${chosen?.name ?? "Kernels"}</h2>
        <p class="muted">${found ? this.#summary(found) : nothing}</p>
        ${found ? html`${saveMenu(this, `kernels ${chosen.name}`, kernelNumbers)}` : nothing}
      </header>
      ${problem(this.#weights.error)}
      ${chosen && !path ? html`<p class="muted">${chosen.name} has no kernel of its own: ${chosen.type}. Choose a convolution or a dense layer.</p>` : nothing}
      ${found && this.#weights.ready ? this.#body(found) : nothing}`;
  }

  #summary({ shape: lengths, data }) {
    const [low, high] = extent(data);
    return `${plural(lengths.at(-1), "kernel")} of ${shape(lengths.slice(0, -2))} over ${plural(lengths.at(-2), "channel")}, ${number(low)} to ${number(high)}`;
  }

  #body(found) {
    const channels = found.shape.at(-2);
    return html`<div class="bar">
        ${
          channels > 1
            ? html`<label
                >Of each kernel
                <select @change=${(event) => (this.channel = Number(event.target.value))}>
                  <option value="-1" ?selected=${this.channel < 0}>${this.#whole(found)}</option>
                  ${Array.from({ length: Math.min(channels, 1024) }, (_, i) => html`<option value=${i} ?selected=${i === this.channel}>channel ${i}</option>`)}
                </select></label
              >`
            : nothing
        }
      </div>
      <div class="kernel-grid" role="listbox" aria-label="Kernels">
        ${Array.from({ length: Math.min(found.shape.at(-1), MOST) }, (_, kernel) => this.#kernel(found, kernel))}
      </div>
      ${found.shape.at(-1) > MOST ? html`<p class="muted">The first ${MOST} of ${found.shape.at(-1)} kernels.</p>` : nothing}`;
  }

  /** What is drawn of each kernel where no channel is chosen. */
  #whole({ shape: lengths }) {
    if (isSingle(lengths)) return "all channels, one after the other";
    return lengths.at(-2) === 3 && lengths.length === 4
      ? "all three channels as colors"
      : "root of the sum of squares over channels";
  }

  #kernel({ shape: lengths }, kernel) {
    const [rows, columns] = this.#plane(lengths);
    const size = Math.max(
      2,
      Math.min(24, Math.floor((columns > 2 * rows ? 190 : 72) / Math.max(rows, columns))),
    );
    const chosen = kernel === this.selection.c;
    return html`<button
      class="kernel"
      role="option"
      aria-selected=${chosen}
      aria-label="Kernel ${kernel}"
      @click=${() => store.select({ c: kernel })}
    >
      <span class="muted">${kernel}</span
      ><canvas
        data-kernel=${kernel}
        width=${columns}
        height=${rows}
        ${styled({ width: `${columns * size}px`, height: `${rows * size}px` })}
      ></canvas>
    </button>`;
  }

  /** Rows and columns of what is drawn of a kernel. */
  #plane(lengths) {
    if (this.channel >= 0 || !isSingle(lengths)) return planeOf(lengths);
    const channels = lengths.at(-2);
    const columns = channels <= 12 ? channels : Math.ceil(Math.sqrt(2 * channels));
    return [Math.ceil(channels / columns), columns];
  }

  updated() {
    const found = this.#weights.value;
    if (!found || !this.#weights.ready) return;
    const [rows, columns] = this.#plane(found.shape);
    const [low, high] = extent(found.data);
    for (const canvas of this.querySelectorAll("canvas[data-kernel]")) {
      const kernel = Number(canvas.dataset.kernel);
      if (this.channel < 0 && found.shape.at(-2) === 3 && found.shape.length === 4) {
        paintPicture(canvas, rgbOf(found, kernel), 3, [-Math.max(-low, high), Math.max(-low, high)]);
        continue;
      }
      const single = this.channel < 0 && isSingle(found.shape);
      const values = single
        ? laidOut(channelsOf(found, kernel), rows * columns)
        : planesOf(valuesOf(found, kernel, this.channel), found.shape);
      paintNumbers(
        canvas,
        values,
        this.channel < 0 && found.shape.at(-2) > 1 && !single
          ? scaleOf(0, extent(valuesOf(found, kernel, this.channel))[1])
          : scaleOf(Math.min(low, 0), high, "diverging"),
        theme(),
      );
    }
    this.dataset.painted = "true";
  }
}

/** Whether kernels have one position alone, so that only their channels can be seen. */
function isSingle(lengths) {
  return lengths.slice(0, -2).every((length) => length === 1) && lengths.at(-2) > 1;
}

/** Rows and columns of the last two positions of a kernel; planes of a third stand side by side, with a gap. */
function planeOf(lengths) {
  const [rows, columns] = [1, 1, ...lengths.slice(0, -2)].slice(-2);
  const planes = lengths.slice(0, -4).reduce((a, b) => a * b, 1);
  return [rows, planes * (columns + 1) - 1];
}

/** Values of a kernel as they are drawn, null in the gaps. */
function planesOf(values, lengths) {
  const [height, width] = [1, 1, ...lengths.slice(0, -2)].slice(-2);
  const [rows, columns] = planeOf(lengths);
  return Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const [plane, inside] = [Math.floor(column / (width + 1)), column % (width + 1)];
    return inside === width ? null : values[(plane * height + row) * width + inside];
  });
}

/** The weights of one kernel of a single position, by channel. */
function channelsOf({ shape: lengths, data }, kernel) {
  const [channels, kernels] = lengths.slice(-2);
  return Float32Array.from({ length: channels }, (_, channel) => data[channel * kernels + kernel]);
}

/** Values followed by null, up to a length. */
function laidOut(values, length) {
  return Array.from({ length }, (_, i) => (i < values.length ? values[i] : null));
}

/** The weights of one kernel by position: of a channel, or over all of them. */
export function valuesOf({ shape: lengths, data }, kernel, channel) {
  const [channels, kernels] = lengths.slice(-2);
  const positions = data.length / channels / kernels;
  return Float32Array.from({ length: positions }, (_, at) => {
    const weight = (each) => data[(at * channels + each) * kernels + kernel];
    if (channel >= 0 || channels === 1) return weight(Math.max(0, channel));
    let sum = 0;
    for (let each = 0; each < channels; each++) sum += weight(each) ** 2;
    return Math.sqrt(sum);
  });
}

function rgbOf({ shape: lengths, data }, kernel) {
  const kernels = lengths.at(-1);
  return Float32Array.from({ length: data.length / kernels }, (_, i) => data[i * kernels + kernel]);
}

customElements.define("cs-kernels", Kernels);
