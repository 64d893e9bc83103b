// A cloud of points as the model sees it, to be turned with the pointer.

import { cssColor, scaleOf } from "../../static/colors.js";
import { Panel, theme } from "../../static/element.js";
import { number } from "../../static/format.js";
import { extent } from "../../static/npy.js";
import { html } from "../../static/vendor/lit.js";
import {
  BufferAttribute,
  BufferGeometry,
  Color,
  OrbitControls,
  PerspectiveCamera,
  Points,
  Scene,
  ShaderMaterial,
  WebGLRenderer,
} from "../../static/vendor/three.js";

const VERTEX = `attribute vec3 shade; varying vec3 vShade; uniform float size;
void main() { vShade = shade; vec4 at = modelViewMatrix * vec4(position, 1.0); gl_PointSize = size / -at.z; gl_Position = projectionMatrix * at; }`;
const FRAGMENT = `varying vec3 vShade;
void main() { if (length(gl_PointCoord - 0.5) > 0.5) discard; gl_FragColor = vec4(vShade, 1.0); }`;

class PointsInput extends Panel {
  static properties = {
    arrays: { attribute: false },
    meta: { attribute: false },
    field: { attribute: false },
    overlay: { attribute: false },
    cursor: { attribute: false },
    most: { type: Number },
  };

  #resize = new ResizeObserver(() => this.#fit());

  /** The points, (points, 3 or more). */
  get cloud() {
    return Object.values(this.arrays)[0];
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
    this.points?.geometry.dispose();
    this.renderer?.dispose();
  }

  updated(changed) {
    if (!this.arrays) return;
    if (changed.has("arrays")) this.#place();
    this.#color();
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
    if (this.points) {
      this.scene.remove(this.points);
      this.points.geometry.dispose();
    }
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(positions, 3));
    geometry.setAttribute("shade", new BufferAttribute(new Float32Array(3 * count), 3));
    this.points = new Points(
      geometry,
      new ShaderMaterial({
        vertexShader: VERTEX,
        fragmentShader: FRAGMENT,
        uniforms: { size: { value: 12 } },
      }),
    );
    this.scene.add(this.points);
  }

  /** Colors by the attribution where there is one, or else by height; points outside of the field are pale. */
  #color() {
    const { data, shape } = this.cloud;
    const [count, channels] = shape;
    const overlay = this.overlay;
    const per = overlay ? overlay.data.length / count : 1;
    const values = Float32Array.from({ length: count }, (_, i) =>
      overlay
        ? overlay.data.slice(i * per, (i + 1) * per).reduce((a, b) => a + b, 0)
        : data[i * channels + 2],
    );
    const scale = overlay
      ? scaleOf(...extent(values))
      : { low: extent(values)[0], high: extent(values)[1], kind: "sequential" };
    const pale = new Color(getComputedStyle(this).getPropertyValue("--rule").trim());
    const shade = this.points.geometry.getAttribute("shade");
    const [start, stop] = this.field?.length === 1 ? this.field[0] : [0, Infinity];
    for (let i = 0; i < count; i++) {
      const color = i >= start && i < stop ? new Color(cssColor(values[i], scale, theme())) : pale;
      shade.setXYZ(i, color.r, color.g, color.b);
    }
    shade.needsUpdate = true;
    this.querySelector(".under").textContent = overlay
      ? `${number(scale.low)} to ${number(scale.high)}`
      : `height ${number(scale.low)} to ${number(scale.high)}`;
  }

  #fit() {
    if (!this.renderer || !this.clientWidth) return;
    const width = this.clientWidth;
    const height = this.most ?? Math.max(220, Math.min(560, innerHeight * 0.34));
    this.renderer.setPixelRatio(devicePixelRatio || 1);
    this.renderer.setSize(width, height);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.#draw();
  }

  #draw() {
    const ratio = devicePixelRatio || 1;
    if (this.points)
      this.points.material.uniforms.size.value = (this.cloud.shape[0] > 20000 ? 6 : 14) * ratio;
    this.renderer.render(this.scene, this.camera);
  }
}

customElements.define("cs-input-points", PointsInput);
