// An input of one axis, such as a series or a waveform: a chart for each channel, with linked cursors and the field as a band.

import { Panel, theme } from "./element.js";
import { band, chartParts } from "./figure/chart.js";
import { lettering } from "./figure/marks.js";
import { number } from "./format.js";
import { html, nothing } from "./vendor/lit.js";
import uPlot from "./vendor/uplot.js";

const MOST_CHARTS = 24;
/** Left of the values, as wide as the numbers beside strips of maps, so that both stand below one another. */
const LEFT = 44;

/** Draws the channels of a series over its positions. */
export class TimelineInput extends Panel {
  static wide = true;
  static properties = {
    arrays: { attribute: false },
    meta: { attribute: false },
    field: { attribute: false },
    overlay: { attribute: false },
    cursor: { attribute: false },
    most: { type: Number },
  };

  #charts = [];
  #drawn = null;
  #resize = new ResizeObserver(() => this.#fit());

  /** The values that are drawn, `{data, length, channels}`. */
  get series() {
    const [array] = Object.values(this.arrays);
    const [length, channels = 1] = array.shape;
    return { data: array.data, length, channels };
  }

  render() {
    const channels = this.arrays ? this.series.channels : 0;
    return html`<div class="timeline" @click=${this.#pick}></div>
      ${channels > MOST_CHARTS ? html`<p class="muted">The first ${MOST_CHARTS} of ${channels} channels.</p>` : nothing}`;
  }

  firstUpdated() {
    this.#resize.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#resize.disconnect();
    this.#clear();
  }

  updated(changed) {
    if (!this.arrays) return;
    if (changed.has("arrays") || changed.has("overlay") || this.#drawn !== theme()) this.#draw();
    else for (const chart of this.#charts) chart.redraw(false);
  }

  #clear() {
    for (const chart of this.#charts) chart.destroy();
    this.#charts = [];
  }

  #draw() {
    this.#drawn = theme();
    this.#clear();
    const { data, length, channels } = this.series;
    const shown = Math.min(channels, MOST_CHARTS);
    const positions = Array.from({ length }, (_, i) => i);
    const place = this.querySelector(".timeline");
    for (let channel = 0; channel < shown; channel++) {
      const values = Array.from({ length }, (_, i) => data[i * channels + channel]);
      const options = this.#options(channel, shown, length);
      const drawn = values.map((value) => (Number.isFinite(value) ? value : null));
      const chart = new uPlot(options, [positions, drawn], place);
      chart.root.querySelector(".u-wrap").asFigure = () =>
        chartParts(chart, (plot, at) => this.#besides(plot, at, channel, shown));
      this.#charts.push(chart);
    }
  }

  #name(channel, shown) {
    return this.meta?.channels?.[channel] ?? (shown > 1 ? String(channel) : "value");
  }

  /** How much each position mattered, as a share of the most; those that did not are left out. */
  #strengths(channel) {
    if (!this.overlay) return [];
    const { data, shape } = this.overlay;
    const channels = shape.length > 1 ? shape[1] : 1;
    const most = data.reduce((large, value) => Math.max(large, Math.abs(value)), 0) || 1;
    return Array.from({ length: shape[0] }, (_, i) => [
      i,
      data[i * channels + Math.min(channel, channels - 1)] / most,
    ]).filter(([, share]) => share);
  }

  #height(shown) {
    if (this.most) return this.most;
    return shown === 1 ? 170 : shown <= 3 ? 96 : 52;
  }

  #options(channel, shown, length) {
    const style = getComputedStyle(this);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    const last = channel === shown - 1;
    const axis = {
      stroke: color("muted"),
      grid: { stroke: color("rule"), width: 1 },
      ticks: { show: false },
      font: "10.5px system-ui",
      gap: 3,
    };
    const name = this.#name(channel, shown);
    return {
      width: Math.max(80, this.clientWidth),
      height: this.#height(shown) + (last ? 22 : 0),
      padding: [8, 0, last ? 0 : 4, 0],
      legend: { show: false },
      cursor: { sync: { key: "timeline" }, y: false, drag: { x: false, y: false }, points: { size: 5 } },
      scales: { x: { time: false, range: [-0.5, length - 0.5] } },
      axes: [
        {
          ...axis,
          size: last ? 22 : 0,
          show: last,
          values: (_, ticks) => ticks.map((tick) => this.#when(tick)),
        },
        {
          ...axis,
          size: LEFT,
          splits: (chart, _, low, high) =>
            (shown > 3 ? [low, high] : null) ?? uPlot.rangeNum(low, high, 0, true),
          values: (_, ticks) => ticks.map((tick) => number(tick)),
        },
      ],
      series: [
        {},
        { label: name, stroke: color("accent"), width: 1.25, points: { show: length < 80 && shown < 4 } },
      ],
      hooks: {
        drawClear: [(chart) => this.#bands(chart, channel, color)],
        draw: [(chart) => this.#shade(chart, name, shown, color)],
        setCursor: [(chart) => this.#hover(chart)],
      },
    };
  }

  /** When a position is: its place in the unit of the axis, or its number. */
  #when(position) {
    if (!Number.isInteger(position)) return "";
    const axis = this.meta?.axes?.[0];
    const place = axis?.places?.[position] ?? (axis?.step ? axis.start + position * axis.step : null);
    if (place === null) return String(position);
    return typeof place === "number" ? number(place, 4) : String(place).replace("T", " ");
  }

  /** An attribution as a colored ground: the more a position mattered, the stronger. */
  #bands(chart, channel, color) {
    const { ctx, bbox } = chart;
    for (const [i, share] of this.#strengths(channel)) {
      const [left, right] = [chart.valToPos(i - 0.5, "x", true), chart.valToPos(i + 0.5, "x", true)];
      ctx.globalAlpha = 0.75 * Math.min(1, Math.abs(share));
      ctx.fillStyle = color(share < 0 ? "negative" : "positive");
      ctx.fillRect(left, bbox.top, Math.max(1, right - left), bbox.height);
    }
    ctx.globalAlpha = 1;
  }

  /** Shades what is outside of the field, and what only fills the input up. */
  #shade(chart, name, shown, color) {
    const { ctx, bbox } = chart;
    const at = (position) =>
      Math.max(bbox.left, Math.min(bbox.left + bbox.width, chart.valToPos(position - 0.5, "x", true)));
    ctx.save();
    if (this.field) {
      const [[start, stop]] = this.field;
      ctx.fillStyle = color("shade");
      ctx.fillRect(bbox.left, bbox.top, at(start) - bbox.left, bbox.height);
      ctx.fillRect(at(stop), bbox.top, bbox.left + bbox.width - at(stop), bbox.height);
      ctx.strokeStyle = color("mark");
      ctx.lineWidth = 1.5 * devicePixelRatio;
      if (stop > start) ctx.strokeRect(at(start), bbox.top, Math.max(1, at(stop) - at(start)), bbox.height);
    }
    if (this.cursor) {
      ctx.fillStyle = color("accent");
      ctx.fillRect(at(this.cursor[0] + 0.5), bbox.top, devicePixelRatio, bbox.height);
    }
    if (shown > 1 || this.meta?.channels?.length) {
      ctx.fillStyle = color("muted");
      ctx.font = `${10.5 * devicePixelRatio}px system-ui`;
      ctx.textAlign = "left";
      ctx.textBaseline = "top";
      ctx.fillText(name, bbox.left + 4 * devicePixelRatio, bbox.top + 2 * devicePixelRatio);
    }
    ctx.restore();
  }

  /** For a drawing: the attribution as bands below the line, the shade outside of the field and the name above it. */
  #besides(plot, at, channel, shown) {
    const style = getComputedStyle(this);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    const under = this.#strengths(channel).map(([i, share]) =>
      band(
        plot,
        at(i - 0.5),
        at(i + 0.5),
        color(share < 0 ? "negative" : "positive"),
        0.75 * Math.abs(share),
      ),
    );
    const over = [];
    if (this.field) {
      const [[start, stop]] = this.field;
      over.push(band(plot, plot.left, at(start - 0.5), color("shade")));
      over.push(band(plot, at(stop - 0.5), plot.left + plot.width, color("shade")));
    }
    const letters = { color: color("muted"), size: 10.5, family: style.fontFamily };
    if (shown > 1 || this.meta?.channels?.length)
      over.push(lettering(plot.left + 4, plot.top + 11, this.#name(channel, shown), letters));
    return { under, over };
  }

  #hover(chart) {
    const at = chart.cursor.idx;
    this.pointed = at ?? null;
    this.dispatchEvent(
      new CustomEvent("cs-hover", {
        detail: { position: at === null || at === undefined ? null : [at] },
        bubbles: true,
      }),
    );
  }

  #pick() {
    if (this.pointed !== null && this.pointed !== undefined)
      this.dispatchEvent(new CustomEvent("cs-pick", { detail: { position: [this.pointed] }, bubbles: true }));
  }

  #fit() {
    const width = Math.max(80, this.clientWidth);
    for (const chart of this.#charts)
      if (chart.width !== width) chart.setSize({ width, height: chart.height });
  }
}
