// The curves of the training; they grow while it runs.

import { freshJson } from "../api.js";
import { chosenModels } from "../catalog.js";
import { Panel, Resource, problem, theme } from "../element.js";
import { follow } from "../events.js";
import { band, chartParts } from "../figure/chart.js";
import { number, plural } from "../format.js";
import { saved } from "../saved.js";
import { trainingNumbers } from "../numbers.js";
import { html, nothing } from "../vendor/lit.js";
import uPlot from "../vendor/uplot.js";
import { saveMenu } from "./save-menu.js";

/** Distances of the epochs that are named: there are none between two. */
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];
const HIDDEN = /^(val_)?(epoch|time|seconds|learning_rate|lr)$/;

class Training extends Panel {
  #history = new Resource(this);
  #charts = [];
  #events = null;
  #resize = new ResizeObserver(() => this.#fit());

  firstUpdated() {
    this.#resize.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#resize.disconnect();
    this.#events?.();
    this.#events = null;
    for (const chart of this.#charts) chart.destroy();
    this.#charts = [];
  }

  /** The numbers behind the curves. */
  get history() {
    return this.#history.value;
  }

  render() {
    const [m] = chosenModels();
    const found = this.#history.of(m.id, (signal) => freshJson(`api/models/${m.id}/history`, {}, signal));
    if (found?.running && !saved && !this.#events) this.#listen(m.id);
    return html`<header class="panel-head">
        <h2>Training</h2>
        <p class="muted">${found?.epochs.length ? this.#summary(found) : nothing}</p>
        ${found?.epochs.length ? saveMenu(this, `training ${m.name}`, trainingNumbers) : nothing}
      </header>
      ${problem(this.#history.error)}
      ${found && !found.epochs.length ? html`<p class="muted">${m.name} has no history of a training.</p>` : nothing}
      <div class="charts"></div>`;
  }

  #summary({ epochs, running, total }) {
    return `${plural(epochs.length, "epoch")}${total ? ` of ${total}` : ""}${running ? ", running" : ""}`;
  }

  #listen(id) {
    this.#events = follow("api/events", { m: id }, "history", (found) => {
      this.#history.value = found;
      this.requestUpdate();
      if (!found.running) this.#events?.();
    });
  }

  updated() {
    const found = this.#history.value;
    for (const chart of this.#charts) chart.redraw(false);
    const key = found && `${found.epochs.length} ${theme()} ${JSON.stringify(Object.keys(found.series))}`;
    if (!found || key === this.drawn) return;
    this.drawn = key;
    for (const chart of this.#charts) chart.destroy();
    const place = this.querySelector(".charts");
    place.replaceChildren();
    this.#charts = groupsOf(found.series).map(([name, members]) => this.#chart(place, name, members, found));
  }

  #chart(place, name, members, { epochs, series }) {
    const box = document.createElement("figure");
    place.append(box);
    const style = getComputedStyle(this);
    const color = (variable) => style.getPropertyValue(`--${variable}`).trim();
    const axis = {
      stroke: color("muted"),
      grid: { stroke: color("rule"), width: 1 },
      ticks: { stroke: color("rule"), width: 1 },
      font: "11px system-ui",
    };
    const options = {
      title: name,
      width: this.#width(),
      height: 220,
      cursor: { sync: { key: "training" }, y: false },
      scales: { x: { time: false } },
      axes: [{ ...axis, incrs: STEPS }, { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => number(tick)) }],
      hooks: { draw: [(chart) => this.#markEpoch(chart, color("mark"))] },
      series: [
        { label: "epoch" },
        ...members.map((member, i) => ({
          label: member.startsWith("val_") ? "validation" : member === name ? "train" : member,
          stroke: color(i ? "mark" : "accent"),
          width: 1.75,
          value: (_, value) => (value === null || value === undefined ? "–" : number(value, 4)),
        })),
      ],
    };
    const chart = new uPlot(options, [epochs, ...members.map((member) => series[member])], box);
    Object.assign(box.querySelector(".u-wrap"), {
      asFigure: () =>
        chartParts(chart, (plot, at) => ({ under: [], over: this.#epochBand(plot, at, color("mark")) })),
    });
    return chart;
  }

  /** The epoch whose weights are shown. */
  get shownEpoch() {
    const [{ epoch, best_epoch: best }] = chosenModels();
    return epoch ?? best ?? null;
  }

  #epochBand(plot, at, color) {
    const x = this.shownEpoch === null ? null : at(this.shownEpoch);
    return x === null ? [] : [band(plot, x - 0.5, x + 0.5, color)];
  }

  #markEpoch(chart, color) {
    const shown = this.shownEpoch;
    if (shown === null) return;
    const x = chart.valToPos(shown, "x", true);
    const { top, height } = chart.bbox;
    chart.ctx.fillStyle = color;
    chart.ctx.fillRect(Math.round(x), top, devicePixelRatio, height);
  }

  #width() {
    const wide = this.clientWidth;
    return Math.max(260, wide > 900 ? (wide - 24) / 2 : wide);
  }

  #fit() {
    for (const chart of this.#charts) chart.setSize({ width: this.#width(), height: 220 });
  }
}

/** Series by what they measure: `loss` with `val_loss`, those that matter first. */
export function groupsOf(series) {
  const groups = new Map();
  for (const name of Object.keys(series)) {
    if (HIDDEN.test(name) || series[name].every((value) => value === null)) continue;
    const measure = name.replace(/^val_/, "");
    groups.set(measure, [...(groups.get(measure) ?? []), name]);
  }
  return [...groups].map(([name, members]) => [name, members.toSorted((a, b) => a.length - b.length)]);
}

customElements.define("cs-training", Training);
