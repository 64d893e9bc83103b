// Many points in two dimensions: drawn by WebGL, moved and zoomed by the pointer, found by a grid of buckets.

import { groupColor } from "./groups.js";
import { extent } from "./npy.js";
import { RoundPoints } from "./round-points.js";
import { OrthographicCamera, Scene, WebGLRenderer } from "./vendor/three.js";

const NEAR = 12;
const BUCKETS = 128;
const MOST_THUMBNAILS = 250;
const THUMBNAIL = 34;
const GRAY = "#888888";

/** A map of points in an element; tells which are pointed at, picked, and chosen by a lasso. */
export class PointMap {
  #images = new Map();
  #path = null;
  #frame = 0;
  #drawn = "";
  #resize = new ResizeObserver(() => this.#drawSoon());

  /**
   * @param {HTMLElement} place
   * @param {{point: (i: number | null) => void, pick: (i: number) => void, choose: (numbers: number[]) => void}} tells
   */
  constructor(place, tells) {
    this.place = place;
    this.tells = tells;
    this.canvas = document.createElement("canvas");
    this.over = document.createElement("canvas");
    place.append(this.canvas, this.over);
    this.renderer = new WebGLRenderer({ canvas: this.canvas, alpha: true, antialias: false });
    this.camera = new OrthographicCamera(-1, 1, 1, -1, -1, 1);
    this.scene = new Scene();
    this.view = { x: 0, y: 0, zoom: 1 };
    this.#resize.observe(place);
    this.canvas.addEventListener("cs-picture", () => this.draw());
    this.over.addEventListener("pointerdown", (event) => this.#down(event));
    this.over.addEventListener("pointermove", (event) => this.#move(event));
    this.over.addEventListener("pointerup", () => this.#up());
    this.over.addEventListener("pointerleave", () => this.tells.point(null));
    this.over.addEventListener(
      "click",
      () => this.pointed !== null && !this.options.lasso && this.tells.pick(this.pointed),
    );
    this.over.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  /** Shows points with their groups. */
  show(options) {
    const moved = this.options?.positions !== options.positions;
    const colored = moved || this.options.groups.some((group, i) => group !== options.groups[i]);
    this.options = options;
    if (moved) this.#put(options.positions);
    if (colored) this.#color(options.groups);
    this.#drawSoon();
  }

  end() {
    this.#resize.disconnect();
    cancelAnimationFrame(this.#frame);
    this.points?.end();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }

  #put({ data, shape }) {
    const [count, axes] = shape;
    const xs = Float32Array.from({ length: count }, (_, i) => data[i * axes]);
    const ys = Float32Array.from({ length: count }, (_, i) => data[i * axes + 1]);
    const [[left, right], [low, high]] = [extent(xs), extent(ys)];
    const half = (Math.max(right - left, high - low) || 1) / 2 / 0.95;
    this.xy = new Float32Array(2 * count);
    const positions = new Float32Array(3 * count);
    for (let i = 0; i < count; i++) {
      this.xy[2 * i] = positions[3 * i] = (xs[i] - (left + right) / 2) / half;
      this.xy[2 * i + 1] = positions[3 * i + 1] = (ys[i] - (low + high) / 2) / half;
    }
    if (this.points) {
      this.scene.remove(this.points.object);
      this.points.end();
    }
    this.points = new RoundPoints(positions, false);
    this.scene.add(this.points.object);
    this.#bucket(count);
    this.view = { x: 0, y: 0, zoom: 1 };
  }

  #bucket(count) {
    this.buckets = new Map();
    for (let i = 0; i < count; i++) {
      const key = this.#key(this.xy[2 * i], this.xy[2 * i + 1]);
      const bucket = this.buckets.get(key);
      if (bucket) bucket.push(i);
      else this.buckets.set(key, [i]);
    }
  }

  #key(x, y) {
    return Math.floor(((x + 1) / 2) * BUCKETS) * 4096 + Math.floor(((y + 1) / 2) * BUCKETS);
  }

  #color(groups) {
    this.points.paint((i) => (groups[i] < 0 ? GRAY : groupColor(groups[i])));
  }

  #size() {
    return [this.place.clientWidth || 1, this.place.clientHeight || 1];
  }

  /** Half of the width and height that is seen. */
  #spans() {
    const [width, height] = this.#size();
    const aspect = width / height;
    return [Math.max(1, aspect) / this.view.zoom, Math.max(1, 1 / aspect) / this.view.zoom];
  }

  #onScreen(i) {
    const [width, height] = this.#size();
    const [sx, sy] = this.#spans();
    return [
      ((this.xy[2 * i] - this.view.x) / sx + 1) * (width / 2),
      (1 - (this.xy[2 * i + 1] - this.view.y) / sy) * (height / 2),
    ];
  }

  #onMap(x, y) {
    const [width, height] = this.#size();
    const [sx, sy] = this.#spans();
    return [((2 * x) / width - 1) * sx + this.view.x, (1 - (2 * y) / height) * sy + this.view.y];
  }

  /** Draws with the next frame, however often it is asked for until then. */
  #drawSoon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.draw();
    });
  }

  /** Draws points, thumbnails and marks. */
  draw() {
    if (!this.points) return;
    const [width, height] = this.#size();
    const ratio = devicePixelRatio || 1;
    const [sx, sy] = this.#spans();
    Object.assign(this.camera, {
      left: this.view.x - sx,
      right: this.view.x + sx,
      bottom: this.view.y - sy,
      top: this.view.y + sy,
    });
    this.camera.updateProjectionMatrix();
    // What is given a size, even its own, makes its memory anew.
    const drawn = `${width} ${height} ${ratio}`;
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.renderer.setPixelRatio(ratio);
      this.renderer.setSize(width, height, false);
      Object.assign(this.over, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    }
    const many = this.xy.length / 2;
    this.points.size = ratio * Math.min(16, (many > 20000 ? 3 : many > 3000 ? 4.5 : 7) * Math.sqrt(this.view.zoom));
    this.renderer.render(this.scene, this.camera);
    const context = this.over.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (this.options.thumbnail) this.#thumbnails(context, width, height);
    this.#marks(context);
  }

  /** Pictures of samples where there is room for them. */
  #thumbnails(context, width, height) {
    const taken = new Set();
    let shown = 0;
    for (let i = 0; i < this.xy.length / 2 && shown < MOST_THUMBNAILS; i++) {
      const [x, y] = this.#onScreen(i);
      const key = `${Math.floor(x / THUMBNAIL)} ${Math.floor(y / THUMBNAIL)}`;
      if (x < 0 || y < 0 || x > width || y > height || taken.has(key)) continue;
      taken.add(key);
      shown += 1;
      const image = this.#image(i);
      if (!image.complete || !image.naturalWidth) continue;
      const scale = (THUMBNAIL - 4) / Math.max(image.naturalWidth, image.naturalHeight);
      const [w, h] = [image.naturalWidth * scale, image.naturalHeight * scale];
      context.imageSmoothingEnabled = scale < 1;
      context.drawImage(image, x - w / 2, y - h / 2, w, h);
      context.strokeStyle = this.options.groups[i] < 0 ? "#888888" : groupColor(this.options.groups[i]);
      context.lineWidth = 1.5;
      context.strokeRect(x - w / 2, y - h / 2, w, h);
    }
  }

  #image(i) {
    const address = this.options.thumbnail(i);
    if (!this.#images.has(address)) {
      const image = new Image();
      image.onload = () => this.#drawSoon();
      image.src = address;
      this.#images.set(address, image);
    }
    return this.#images.get(address);
  }

  #marks(context) {
    const style = getComputedStyle(this.place);
    const ring = (i, color) => {
      const [x, y] = this.#onScreen(i);
      context.strokeStyle = color;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(x, y, 7, 0, 7);
      context.stroke();
    };
    const ink = style.getPropertyValue("--ink");
    if (this.options.chosen.length <= 4000) for (const i of this.options.chosen) ring(i, ink);
    if (this.options.selected >= 0) ring(this.options.selected, style.getPropertyValue("--mark"));
    if (this.pointed !== null && this.pointed !== undefined)
      ring(this.pointed, style.getPropertyValue("--accent"));
    if (!this.#path) return;
    context.strokeStyle = ink;
    context.lineWidth = 1.25;
    context.setLineDash([4, 3]);
    context.beginPath();
    this.#path.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
    context.stroke();
    context.setLineDash([]);
  }

  #at(event) {
    const box = this.over.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #down(event) {
    this.over.setPointerCapture(event.pointerId);
    if (this.options?.lasso) this.#path = [this.#at(event)];
  }

  #move(event) {
    if (!this.points) return;
    if (this.#path) this.#path.push(this.#at(event));
    else if (event.buttons) {
      const [width, height] = this.#size();
      const [sx, sy] = this.#spans();
      this.view.x -= (2 * event.movementX * sx) / width;
      this.view.y += (2 * event.movementY * sy) / height;
    } else {
      const nearest = this.#nearest(...this.#at(event));
      if (nearest === this.pointed) return;
      this.pointed = nearest;
      this.tells.point(nearest);
    }
    this.#drawSoon();
  }

  #up() {
    if (!this.#path) return;
    const path = this.#path;
    this.#path = null;
    const inside = [];
    for (let i = 0; i < this.xy.length / 2; i++) if (contains(path, this.#onScreen(i))) inside.push(i);
    this.tells.choose(path.length > 3 ? inside : []);
    this.#drawSoon();
  }

  #nearest(x, y) {
    const [[left, high], [right, low]] = [this.#onMap(x - NEAR, y - NEAR), this.#onMap(x + NEAR, y + NEAR)];
    const step = 2 / BUCKETS;
    let [nearest, best] = [null, NEAR ** 2];
    for (let bx = left; bx < right + step; bx += step) {
      for (let by = low; by < high + step; by += step) {
        for (const i of this.buckets.get(this.#key(bx, by)) ?? []) {
          const [px, py] = this.#onScreen(i);
          const far = (px - x) ** 2 + (py - y) ** 2;
          if (far < best) [nearest, best] = [i, far];
        }
      }
    }
    return nearest;
  }

  #wheel(event) {
    if (!this.points) return;
    event.preventDefault();
    const [x, y] = this.#at(event);
    const before = this.#onMap(x, y);
    this.view.zoom = Math.max(0.5, Math.min(400, this.view.zoom * 1.0015 ** -event.deltaY));
    const after = this.#onMap(x, y);
    this.view.x += before[0] - after[0];
    this.view.y += before[1] - after[1];
    this.#drawSoon();
  }
}

/**
 * Whether a point lies within a closed path.
 * @param {number[][]} path
 * @param {number[]} point
 */
export function contains(path, [x, y]) {
  let inside = false;
  for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [path[i], path[j]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}
