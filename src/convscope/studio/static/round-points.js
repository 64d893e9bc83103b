// Round points in colors of their own, drawn by WebGL.

import { BufferAttribute, BufferGeometry, Color, Points, ShaderMaterial } from "./vendor/three.js";

const VERTEX = `attribute vec3 shade; attribute float grow; varying vec3 vShade; uniform float size; uniform bool rimmed;
void main() { vShade = shade; vec4 at = modelViewMatrix * vec4(position, 1.0);
gl_PointSize = rimmed ? grow * size / -at.z : grow * size; gl_Position = projectionMatrix * at; }`;
const FRAGMENT = `varying vec3 vShade; uniform bool rimmed;
void main() { float away = length(gl_PointCoord - 0.5); if (away > 0.5) discard;
gl_FragColor = rimmed ? vec4(away > 0.4 ? mix(vShade, vec3(0.5), 0.5) : vShade, 1.0) : vec4(vShade, 0.85); }`;

/** Points in a scene; each has a color, and is as large as all or some times larger. */
export class RoundPoints {
  /**
   * @param {Float32Array} positions x, y and z of each
   * @param {boolean} solid in space, where near ones are larger and all have a rim; else flat, and seen through
   */
  constructor(positions, solid) {
    this.count = positions.length / 3;
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(positions, 3));
    geometry.setAttribute("shade", new BufferAttribute(new Float32Array(positions.length), 3));
    geometry.setAttribute("grow", new BufferAttribute(new Float32Array(this.count).fill(1), 1));
    const material = new ShaderMaterial({
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      uniforms: { size: { value: 6 }, rimmed: { value: solid } },
      transparent: !solid,
      depthTest: solid,
    });
    this.object = new Points(geometry, material);
    this.object.frustumCulled = solid;
  }

  /** The size of a point: in pixels where they are flat, else of one at distance 1. */
  set size(value) {
    this.object.material.uniforms.size.value = value;
  }

  /**
   * Colors all points.
   * @param {(i: number) => string} colorOf a color of CSS
   * @param {(i: number) => number} [growOf] how many times larger than others a point is
   */
  paint(colorOf, growOf = () => 1) {
    const { shade, grow } = this.object.geometry.attributes;
    const colors = new Map();
    for (let i = 0; i < this.count; i++) {
      const css = colorOf(i);
      // Colors are written to the screen as they are, while three computes with linear ones.
      if (!colors.has(css)) colors.set(css, new Color(css).convertLinearToSRGB());
      const { r, g, b } = colors.get(css);
      shade.setXYZ(i, r, g, b);
      grow.setX(i, growOf(i));
    }
    shade.needsUpdate = grow.needsUpdate = true;
  }

  /** Frees the memory of the graphics. */
  end() {
    this.object.geometry.dispose();
    this.object.material.dispose();
  }
}
