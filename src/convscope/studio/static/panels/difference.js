// The maps of one side minus those of the other.

import { sideOf } from "../catalog.js";
import { Panel, theme } from "../element.js";
import { number, plural, shape } from "../format.js";
import { layoutOf, usualSize } from "../map-layout.js";
import { Tiles } from "../planes.js";
import { differenceNumbers } from "../numbers.js";
import { html, nothing } from "../vendor/lit.js";
import { drawMaps, mapParts } from "./maps-drawing.js";
import { saveMenu } from "./save-menu.js";

class Difference extends Panel {
  static properties = { planes: { state: true }, unlike: { state: true } };

  #sides = [];
  #resize = new ResizeObserver(() => this.#draw());

  /** Shows the maps of A minus those of B. */
  show(a, b) {
    if (this.#sides[0] === a && this.#sides[1] === b) return;
    this.#sides = [a, b];
    const found = a.minus(b);
    const same = found?.low === 0 && found?.high === 0;
    this.planes = same ? null : found;
    this.unlike = same
      ? "The maps of both sides are the same: choose another sample, layer or model for one of them."
      : found
        ? ""
        : `${plural(a.channels, "map")} of ${shape(a.positions)} and ${plural(b.channels, "map")} of ${shape(b.positions)} cannot be subtracted.`;
  }

  get shown() {
    return null;
  }

  get channels() {
    return this.planes.ordered(this.selection.order === "number" ? "number" : "strength");
  }

  render() {
    return html`<header class="panel-head">
        <h2>A − B</h2>
        <p class="muted">
          ${this.planes ? `${number(this.planes.low)} to ${number(this.planes.high)}, largest differences first` : nothing}
        </p>
        ${this.planes ? saveMenu(this, "difference", () => differenceNumbers(sideOf("a"), sideOf("b"))) : nothing}
      </header>
      ${this.unlike ? html`<p class="muted">${this.unlike}</p>` : nothing}
      <div
        class="maps-scroll"
        tabindex="0"
        role="img"
        aria-label="Differences of the maps"
        ?hidden=${!this.planes}
      >
        <canvas></canvas>
        <div class="maps-room"></div>
      </div>`;
  }

  firstUpdated() {
    this.scroller = this.querySelector(".maps-scroll");
    this.canvas = this.querySelector("canvas");
    this.scroller.asFigure = () => mapParts(this, this.#layout(), this.#tiles());
    this.#resize.observe(this.scroller);
    this.scroller.addEventListener("scroll", () => this.#draw(), { passive: true });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#resize.disconnect();
  }

  updated() {
    this.#draw();
  }

  #layout() {
    const { clientWidth, clientHeight } = this.scroller;
    const size = Number(this.selection.size ?? usualSize(this.planes, clientWidth, clientHeight));
    return layoutOf(this.planes, this.planes.channels, clientWidth, size);
  }

  #tiles() {
    const middle = this.planes.positions
      .slice(0, -2)
      .reduce((whole, length) => whole * length + Math.floor(length / 2), 0);
    return new Tiles(this.planes, "layer", theme(), middle);
  }

  #draw() {
    if (!this.planes || !this.scroller?.clientWidth) return;
    const layout = this.#layout();
    this.querySelector(".maps-room").style.height = `${layout.height}px`;
    drawMaps(this, layout, this.#tiles());
  }
}

customElements.define("cs-difference", Difference);
