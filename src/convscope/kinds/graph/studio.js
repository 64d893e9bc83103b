// A graph as the model sees it: nodes where their layout puts them, all but the nodes within reach of a position dimmed.

import { cssColor, scaleOf } from "../../static/colors.js";
import { Panel, theme } from "../../static/element.js";
import { plural } from "../../static/format.js";
import { extent } from "../../static/npy.js";
import { html, nothing } from "../../static/vendor/lit.js";

const NEAR = 14;
const MOST_LABELS = 40;

class GraphInput extends Panel {
  /** What is not told of a sample, such as its edges, cannot be drawn. */
  static needsSample = true;
  static properties = {
    arrays: { attribute: false },
    meta: { attribute: false },
    field: { attribute: false },
    hops: { attribute: false },
    overlay: { attribute: false },
    cursor: { attribute: false },
    most: { type: Number },
  };

  #resize = new ResizeObserver(() => this.#draw());
  #view = { x: 0.5, y: 0.5, zoom: 1 };
  #near = null;

  render() {
    const graph = this.meta?.graph;
    if (!graph) return html`<p class="muted">Nothing is known of this graph's edges.</p>`;
    return html`<canvas
        class="graph"
        role="img"
        aria-label="Graph of ${plural(graph.names.length, "node")} and ${plural(graph.edges.length, "edge")}"
        @pointermove=${this.#move}
        @pointerleave=${() => this.#tell("cs-hover", null)}
        @click=${() => this.pointed !== null && this.#tell("cs-pick", this.pointed)}
        @wheel=${this.#zoom}
        @dblclick=${this.#home}
      ></canvas>
      <p class="under muted"></p>
      ${graph.note && !this.most ? html`<p class="muted">${graph.note}</p>` : nothing}`;
  }

  firstUpdated() {
    this.pointed = null;
    this.#resize.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#resize.disconnect();
  }

  updated(changed) {
    if (changed.has("meta")) this.#near = neighborsOf(this.meta.graph);
    this.#draw();
  }

  /** How far each node is from the nodes of the field, in edges; null where nothing is shaded. */
  get reach() {
    if (!this.field) return null;
    const [[start, stop]] = this.field;
    const count = this.meta.graph.names.length;
    if (start === 0 && stop >= count) return null;
    return distances(this.#near, count, start, stop, this.hops ?? 0);
  }

  #size() {
    const width = Math.max(120, this.clientWidth);
    return [width, this.most ?? Math.max(220, Math.min(560, innerHeight * 0.3))];
  }

  /**
   * Where a node is drawn.
   * @param {number[]} place
   * @param {number[]} size
   */
  #at([x, y], [width, height]) {
    const side = (Math.min(width, height) - 28) * this.#view.zoom;
    return [
      width / 2 + (x - this.#view.x) * side * Math.max(1, width / height / 1.3),
      height / 2 + (y - this.#view.y) * side,
    ];
  }

  #draw() {
    const canvas = this.querySelector("canvas");
    const graph = this.meta?.graph;
    if (!canvas || !graph) return;
    const size = this.#size();
    const ratio = devicePixelRatio || 1;
    Object.assign(canvas, { width: size[0] * ratio, height: size[1] * ratio });
    canvas.style.width = `${size[0]}px`;
    canvas.style.height = `${size[1]}px`;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const places = (this.places = graph.places.map((place) => this.#at(place, size)));
    const reach = this.reach;
    const style = getComputedStyle(this);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    this.#edges(context, graph, places, reach, color);
    this.#nodes(context, graph, places, reach, color);
  }

  #edges(context, { edges, weights }, places, reach, color) {
    const most = weights ? Math.max(...weights.map(Math.abs)) || 1 : 1;
    const line = ([a, b], i) => {
      context.lineWidth = weights ? 0.4 + (1.6 * Math.abs(weights[i])) / most : 0.8;
      context.beginPath();
      context.moveTo(...places[a]);
      context.lineTo(...places[b]);
      context.stroke();
    };
    const seen = ([a, b]) => !reach || (reach[a] >= 0 && reach[b] >= 0);
    context.strokeStyle = color("rule");
    context.globalAlpha = 0.5;
    edges.forEach((edge, i) => seen(edge) || line(edge, i));
    context.strokeStyle = color("muted");
    context.globalAlpha = 0.6;
    edges.forEach((edge, i) => seen(edge) && line(edge, i));
    context.globalAlpha = 1;
  }

  #nodes(context, { names, centers }, places, reach, color) {
    const values = this.#values();
    const scale = values && scaleOf(...extent(values));
    const radius = places.length > 600 ? 2 : places.length > 120 ? 3 : 5;
    places.forEach(([x, y], node) => {
      const seen = !reach || reach[node] >= 0;
      context.globalAlpha = seen ? 1 : 0.25;
      context.fillStyle = values
        ? cssColor(values[node], scale, theme())
        : reach && seen
          ? color("mark")
          : color("accent");
      context.beginPath();
      context.arc(x, y, seen && reach ? radius + 1 : radius, 0, 7);
      context.fill();
      const pointed = centers.includes(node) || this.cursor?.[0] === node;
      context.strokeStyle = color(pointed ? "ink" : "muted");
      context.lineWidth = pointed ? 1.5 : 0.75;
      if (pointed || values) context.stroke();
    });
    context.globalAlpha = 1;
    if (this.most) return;
    const first = (node) => centers.includes(node) || this.cursor?.[0] === node;
    const labeled = names
      .map((_, node) => node)
      .filter((node) => (reach ? reach[node] >= 0 : true))
      .sort((a, b) => Number(first(b)) - Number(first(a)));
    context.fillStyle = color("ink");
    context.font = `11px ${getComputedStyle(this).fontFamily}`;
    this.#label(context, labeled.slice(0, MOST_LABELS), names, places, radius);
  }

  /** Names beside nodes, without those that would lie over another name. */
  #label(context, labeled, names, places, radius) {
    const taken = [];
    for (const node of labeled) {
      const [x, y] = [places[node][0] + radius + 3, places[node][1] + 4];
      const box = { left: x, right: x + context.measureText(names[node]).width, top: y - 10, bottom: y + 3 };
      const hidden = taken.some(
        (other) =>
          box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top,
      );
      if (hidden) continue;
      taken.push(box);
      context.fillText(names[node], x, y);
    }
  }

  #values() {
    if (!this.overlay) return null;
    const { data, shape } = this.overlay;
    const channels = shape.slice(1).reduce((a, b) => a * b, 1);
    return Float32Array.from({ length: this.meta.graph.names.length }, (_, i) =>
      data.slice(i * channels, (i + 1) * channels).reduce((a, b) => a + b, 0),
    );
  }

  #move(event) {
    const canvas = event.target.getBoundingClientRect();
    if (event.buttons && this.#view.zoom > 1) return this.#pan(event);
    const [x, y] = [event.clientX - canvas.left, event.clientY - canvas.top];
    /** @type {number | null} */
    let nearest = null;
    let best = NEAR ** 2;
    this.places?.forEach(([px, py], node) => {
      const far = (px - x) ** 2 + (py - y) ** 2;
      if (far < best) [best, nearest] = [far, node];
    });
    this.pointed = nearest;
    this.querySelector(".under").textContent = nearest === null ? "" : this.meta.graph.names[nearest];
    this.#tell("cs-hover", nearest);
  }

  #pan(event) {
    const [width, height] = this.#size();
    const side = (Math.min(width, height) - 28) * this.#view.zoom;
    this.#view.x -= event.movementX / side / Math.max(1, width / height / 1.3);
    this.#view.y -= event.movementY / side;
    this.#draw();
  }

  #zoom(event) {
    if (!event.ctrlKey && !event.shiftKey && this.#view.zoom === 1 && event.deltaY > 0) return;
    event.preventDefault();
    this.#view.zoom = Math.max(1, Math.min(40, this.#view.zoom * 1.0015 ** -event.deltaY));
    if (this.#view.zoom === 1) Object.assign(this.#view, { x: 0.5, y: 0.5 });
    this.#draw();
  }

  #home() {
    this.#view = { x: 0.5, y: 0.5, zoom: 1 };
    this.#draw();
  }

  #tell(name, node) {
    this.dispatchEvent(
      new CustomEvent(name, { detail: { position: node === null ? null : [node] }, bubbles: true }),
    );
  }
}

function neighborsOf(graph) {
  const near = new Map();
  for (const [a, b] of graph?.edges ?? []) {
    near.set(a, [...(near.get(a) ?? []), b]);
    near.set(b, [...(near.get(b) ?? []), a]);
  }
  return near;
}

/** How many edges each node is away from those from `start` on, before `stop`; -1 for more than `hops`. */
export function distances(near, count, start, stop, hops) {
  const found = new Int32Array(count).fill(-1);
  let rim = [];
  for (let node = start; node < Math.min(stop, count); node++) rim.push(node);
  for (const node of rim) found[node] = 0;
  for (let hop = 1; hop <= hops; hop++) {
    const next = [];
    for (const node of rim) {
      for (const other of near.get(node) ?? []) {
        if (found[other] < 0) {
          found[other] = hop;
          next.push(other);
        }
      }
    }
    rim = next;
  }
  return found;
}

customElements.define("cs-input-graph", GraphInput);
