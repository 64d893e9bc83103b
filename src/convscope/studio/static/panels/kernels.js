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
    const path = chosen ? `${layerPath(m.id, chosen)}/kernels.npy` : null;
    const found = this.#weights.of(path, (signal) => getArray(path, {}, signal));
    return html`<header class="panel-head">
        <h2>${chosen?.name ?? "Kernels"}</h2>
        <p class="muted">${found ? this.#summary(found) : nothing}</p>
        ${found ? html`${saveMenu(this, `kernels ${chosen.name}`, kernelNumbers)}` : nothing}
      </header>
      ${problem(this.#weights.error)} ${found && this.#weights.ready ? this.#body(found) : nothing}`;
  }

  #summary({ shape: lengths, data }) {
    const [low, high] = extent(data);
    return `${plural(lengths.at(-1), "kernel")} of ${shape(lengths.slice(0, -2)) || "1"} over ${plural(lengths.at(-2), "channel")}, ${number(low)} to ${number(high)}`;
  }

  #body(found) {
    const channels = found.shape.at(-2);
    return html`<div class="bar">
        ${
          channels > 1
            ? html`<label
                >Of each kernel
                <select @change=${(event) => (this.channel = Number(event.target.value))}>
                  <option value="-1" ?selected=${this.channel < 0}>
                    ${channels === 3 ? "all three channels as colors" : "root of the sum of squares over channels"}
                  </option>
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

  #kernel({ shape: lengths }, kernel) {
    const [rows, columns] = planeOf(lengths);
    const size = Math.max(2, Math.min(24, Math.floor(72 / Math.max(rows, columns))));
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

  updated() {
    const found = this.#weights.value;
    if (!found || !this.#weights.ready) return;
    const [rows, columns] = planeOf(found.shape);
    const [low, high] = extent(found.data);
    for (const canvas of this.querySelectorAll("canvas[data-kernel]")) {
      const kernel = Number(canvas.dataset.kernel);
      if (this.channel < 0 && found.shape.at(-2) === 3 && found.shape.length === 4) {
        paintPicture(canvas, rgbOf(found, kernel), 3, [-Math.max(-low, high), Math.max(-low, high)]);
        continue;
      }
      const values = valuesOf(found, kernel, this.channel).slice(0, rows * columns);
      paintNumbers(
        canvas,
        values,
        this.channel < 0 && found.shape.at(-2) > 1
          ? scaleOf(0, Math.max(...values))
          : scaleOf(Math.min(low, 0), high, "diverging"),
        theme(),
      );
    }
    this.dataset.painted = "true";
  }
}

/** Rows and columns of the last two positions of a kernel; the first are shown below one another. */
function planeOf(lengths) {
  const positions = lengths.slice(0, -2);
  if (!positions.length) return [1, 1];
  const columns = positions.at(-1);
  return [positions.slice(0, -1).reduce((a, b) => a * b, 1), columns];
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
