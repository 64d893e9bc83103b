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
  /** @type {any} */
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
      ${this.day && !this.most ? html`<p class="muted">${this.day}</p>` : nothing}
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
      const asFigure = () => chartParts(chart, (plot, at) => this.#besides(plot, at, channel, shown));
      Object.assign(chart.root.querySelector(".u-wrap"), { asFigure });
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

  /** @returns {any} how uPlot is to draw a channel */
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
          splits: (chart, _, low, high) => this.#ticks(low, high, chart.bbox.width / devicePixelRatio),
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

  /** The day at which all places are, where they are times of one; the axis then has the times alone. */
  get day() {
    const { places } = this.meta?.axes?.[0] ?? {};
    if (!places?.length || typeof places[0] === "number") return "";
    const [first, last] = [places[0], places.at(-1)].map((place) => String(place).split("T")[0]);
    return first === last && places.length > 1 ? first : "";
  }

  /** First place and distance of the places where these are numbers at equal distances; null for others. */
  get steps() {
    const axis = this.meta?.axes?.[0];
    if (axis?.step) return { start: axis.start, step: axis.step };
    const { places } = axis ?? {};
    if (!(places?.length > 1) || typeof places[0] !== "number") return null;
    const step = (places.at(-1) - places[0]) / (places.length - 1);
    const even = places.every((place, i) => Math.abs(places[0] + i * step - place) < 1e-3 * Math.abs(step));
    return even && step > 0 ? { start: places[0], step } : null;
  }

  /** Positions that are named: at round places of the axis where it has some, as many as there is room for. */
  #ticks(low, high, width) {
    const { start, step } = this.steps ?? { start: 0, step: 1 };
    const sample = [low, high]
      .map((end) => this.#when(Math.round(end)))
      .toSorted((a, b) => b.length - a.length)[0];
    const most = Math.max(1, Math.floor(width / (6.5 * sample.length + 16)));
    const least = ((high - low) * step) / most;
    const decade = 10 ** Math.floor(Math.log10(least));
    let apart = [1, 2, 5, 10].map((each) => each * decade).find((each) => each >= least * 0.999);
    if (!this.steps) apart = Math.max(1, Math.ceil(apart));
    const found = [];
    const first = Math.ceil((start + Math.max(0, low) * step) / apart - 1e-6);
    for (let i = first; (i * apart - start) / step <= high; i++) found.push((i * apart - start) / step);
    return found;
  }

  /** When a position is: its place with the unit of the axis, or its number. */
  #when(position) {
    const unit = this.meta?.axes?.[0]?.unit ?? "";
    const { steps } = this;
    if (steps) return `${number(Number((steps.start + position * steps.step).toPrecision(6)), 4)} ${unit}`;
    return Number.isInteger(position) ? this.#label(position) : "";
  }

  /** The place of a position that is listed; of times at one day, or at full minutes, what differs. */
  #label(position) {
    const { places } = this.meta?.axes?.[0] ?? {};
    const place = places?.[position];
    if (place === undefined || place === null) return places ? "" : String(position);
    if (typeof place === "number") return number(place, 4);
    const [day, time = ""] = String(place).split("T");
    const minutes = places.every((each) => String(each).endsWith(":00"));
    const clock = minutes ? time.slice(0, 5) : time;
    const whole = places.every((each) => String(each).endsWith("T00:00:00"));
    return whole || !time ? day : this.day ? clock : `${day} ${clock}`;
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
