// A cloud of points as the model sees it, to be turned with the pointer.

import { cssColor, scaleOf } from "../../static/colors.js";
import { Panel, theme } from "../../static/element.js";
import { number } from "../../static/format.js";
import { extent } from "../../static/npy.js";
import { maskColors } from "../../static/over-input.js";
import { html } from "../../static/vendor/lit.js";
import { RoundPoints } from "../../static/round-points.js";
import {
  BufferAttribute,
  BufferGeometry,
  LineBasicMaterial,
  LineSegments,
  OrbitControls,
  PerspectiveCamera,
  Scene,
  WebGLRenderer,
} from "../../static/vendor/three.js";

const USUAL_HEIGHT = 270;

class PointsInput extends Panel {
  static properties = {
    arrays: { attribute: false },
    meta: { attribute: false },
    field: { attribute: false },
    overlay: { attribute: false },
    over: { attribute: false },
    cursor: { attribute: false },
    most: { type: Number },
  };

  #resize = new ResizeObserver(() => this.#fit());

  /** The points, (points, 3 or more), without those that repeat others or only fill the input up. */
  get cloud() {
    const { data, shape } = Object.values(this.arrays)[0];
    const count = Math.min(shape[0], this.meta?.distinct ?? shape[0]);
    return { data: data.subarray(0, count * shape[1]), shape: [count, shape[1]] };
  }

  render() {
    return html`<canvas
        class="cloud"
        role="img"
        aria-label="Cloud of ${this.arrays ? this.cloud.shape[0] : 0} points; drag to turn it"
      ></canvas>
      <p class="under muted"></p>`;
  }

  firstUpdated() {
    const canvas = this.querySelector("canvas");
    this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.camera = new PerspectiveCamera(40, 1, 0.01, 100);
    this.camera.up.set(0, 0, 1);
    this.camera.position.set(1.9, -2.1, 1.5);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.addEventListener("change", () => this.#draw());
    this.renderer.domElement.addEventListener("cs-picture", () => this.#draw());
    this.scene = new Scene();
    this.#resize.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#resize.disconnect();
    this.controls?.dispose();
    this.points?.end();
    this.renderer?.dispose();
    this.renderer?.forceContextLoss();
  }

  updated(changed) {
    if (!this.arrays) return;
    if (changed.has("arrays")) this.#place();
    this.#color();
    this.#box();
    this.#fit();
  }

  /** Puts the points into a cube of side 2 around the origin, whatever their unit. */
  #place() {
    const { data, shape } = this.cloud;
    const [count, channels] = shape;
    const axes = [0, 1, 2].map((axis) =>
      extent(Float32Array.from({ length: count }, (_, i) => data[i * channels + axis])),
    );
    const half = Math.max(...axes.map(([low, high]) => high - low)) / 2 || 1;
    const middle = axes.map(([low, high]) => (low + high) / 2);
    const positions = Float32Array.from(
      { length: 3 * count },
      (_, i) => (data[Math.floor(i / 3) * channels + (i % 3)] - middle[i % 3]) / half,
    );
    this.frame = { middle, half };
    if (this.points) {
      this.scene.remove(this.points.object);
      this.points.end();
    }
    this.points = new RoundPoints(positions, true);
    this.scene.add(this.points.object);
  }

  /** Colors the points; those outside of the field are pale. */
  #color() {
    const count = this.cloud.shape[0];
    const { colorOf, wrong = () => false, told } = this.#classes() ?? this.#values();
    const pale = getComputedStyle(this).getPropertyValue("--rule").trim();
    const all = this.field?.length !== 1 || (this.field[0][0] <= 0 && this.field[0][1] >= count);
    const [start, stop] = all ? [0, Infinity] : this.field[0];
    const inField = (i) => i >= start && i < stop;
    this.points.paint(
      (i) => (inField(i) || this.cursor?.[0] === i ? colorOf(i) : pale),
      (i) => ((!all && (inField(i) || this.cursor?.[0] === i)) || wrong(i) ? 2 : 1),
    );
    this.querySelector(".under").textContent = told;
  }

  /** Colors by the attribution where there is one, or else by height. */
  #values() {
    const { data, shape } = this.cloud;
    const [count, channels] = shape;
    const { overlay } = this;
    const per = overlay ? overlay.data.length / overlay.shape[0] : 1;
    const values = Float32Array.from({ length: count }, (_, i) =>
      overlay
        ? overlay.data.slice(i * per, (i + 1) * per).reduce((a, b) => a + b, 0)
        : data[i * channels + 2],
    );
    const [low, high] = extent(values);
    const scale = scaleOf(low, high, overlay ? undefined : "sequential");
    const what = overlay ? "colors from" : "colors by height,";
    return {
      colorOf: (i) => cssColor(values[i], scale, theme()),
      told: `${what} ${number(scale.low)} to ${number(scale.high)}`,
    };
  }

  /** Colors by the class that is found, or else that is known; null where none of both is shown. */
  #classes() {
    const { found, known, colors } = this.overlay ? {} : (this.over ?? {});
    const shown = found?.mask ? found : known?.mask ? known : null;
    if (!shown) return null;
    const own = maskColors(shown, colors);
    const colorOf = (i) => own[shown.mask.data[i]] ?? "#888888";
    if (shown === known) return { colorOf, told: "colors by the true class" };
    if (!known?.mask) return { colorOf, told: "colors by the class that is found" };
    const name = (laid, i) => laid.names[laid.mask.data[i]];
    const wrong = (i) => name(known, i) !== undefined && name(known, i) !== name(found, i);
    return { colorOf, wrong, told: "colors by the class that is found; points of another true class are larger" };
  }

  /** Boxes that were found among the points, and those that are known, turned about the vertical. */
  #box() {
    for (const boxes of this.boxes ?? []) {
      this.scene.remove(boxes);
      boxes.geometry.dispose();
    }
    const { found, known } = this.over ?? {};
    this.boxes = [
      [known, "--ink"],
      [found, "--mark"],
    ].flatMap(([laid, color]) => (laid?.marks.length ? [this.#edges(laid.marks, color)] : []));
    if (this.boxes.length) this.scene.add(...this.boxes);
  }

  #edges(marks, color) {
    const { middle, half } = this.frame;
    const places = marks.flatMap(({ box }) => edgesOf(box)).map((value, i) => (value - middle[i % 3]) / half);
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(Float32Array.from(places), 3));
    const css = getComputedStyle(this).getPropertyValue(color).trim();
    return new LineSegments(geometry, new LineBasicMaterial({ color: css }));
  }

  #fit() {
    if (!this.renderer || !this.clientWidth) return;
    const width = this.clientWidth;
    const height = (this.height = this.most ?? Math.max(220, Math.min(560, innerHeight * 0.3)));
    this.renderer.setPixelRatio(devicePixelRatio || 1);
    this.renderer.setSize(width, height);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.#draw();
  }

  #draw() {
    const ratio = devicePixelRatio || 1;
    if (this.points)
      this.points.size =
        (Math.max(6, Math.min(30, 330 / Math.sqrt(this.cloud.shape[0]))) * ratio * this.height) / USUAL_HEIGHT;
    this.renderer.render(this.scene, this.camera);
  }
}

/** The twelve edges of a box, two corners each: x, y and z of the middle, length, width, height, heading. */
export function edgesOf([x, y, z, length, width, height, heading]) {
  const [cosine, sine] = [Math.cos(heading), Math.sin(heading)];
  const corner = (i) => {
    const along = ((i & 1) - 0.5) * length;
    const across = (((i >> 1) & 1) - 0.5) * width;
    return [
      x + along * cosine - across * sine,
      y + along * sine + across * cosine,
      z + (((i >> 2) & 1) - 0.5) * height,
    ];
  };
  return [0, 1, 2, 3, 4, 5, 6, 7].flatMap((i) =>
    [1, 2, 4].filter((bit) => !(i & bit)).flatMap((bit) => [...corner(i), ...corner(i | bit)]),
  );
}

customElements.define("cs-input-points", PointsInput);
