// Maps of one layer as bytes, their scales, and tiles of color that are painted once and drawn often.

import { missing, placeOf, scaleOf, table } from "./colors.js";
import { extent } from "./npy.js";

const MOST_PIXELS = 2 ** 24;

/** The maps of a layer: bytes of each map on the map's own scale, and that scale. */
export class Planes {
  /** @type {number} the ends of the scale of the layer */
  low;
  /** @type {number} */
  high;

  /**
   * @param {{shape: number[], data: Uint8Array}} array (channels, ...positions)
   * @param {{minimum: number[], maximum: number[], order: number[] | null, limits?: [number, number]}} about limits of the
   *   layer's scale; by default the smallest and largest value
   */
  constructor(array, about) {
    this.channels = array.shape[0];
    this.positions = array.shape.slice(1);
    this.size = this.positions.reduce((a, b) => a * b, 1);
    this.data = array.data;
    this.minimum = about.minimum;
    this.maximum = about.maximum;
    this.order = about.order;
    [this.low, this.high] = about.limits ?? [extent(about.minimum)[0], extent(about.maximum)[1]];
  }

  /** The same maps on a scale that holds other ones too. */
  within({ low, high }) {
    /** @type {[number, number]} */
    const limits = [Math.min(low, this.low), Math.max(high, this.high)];
    const about = { ...this, limits };
    return new Planes({ shape: [this.channels, ...this.positions], data: this.data }, about);
  }

  /** These maps minus others of the same shape; null where shapes differ. */
  minus(other) {
    if (`${[this.channels, this.positions]}` !== `${[other.channels, other.positions]}`) return null;
    const data = new Uint8Array(this.data.length);
    const about = { minimum: [], maximum: [], order: null };
    const strength = [];
    for (let channel = 0; channel < this.channels; channel++) {
      const values = Float32Array.from(
        { length: this.size },
        (_, i) => this.#at(channel, i) - other.#at(channel, i),
      );
      const [low, high] = extent(values);
      about.minimum.push(low);
      about.maximum.push(high);
      strength.push(values.reduce((sum, value) => sum + Math.abs(value), 0));
      values.forEach(
        (value, i) =>
          (data[channel * this.size + i] = high > low ? Math.round((255 * (value - low)) / (high - low)) : 0),
      );
    }
    about.order = Array.from(strength.keys()).sort((a, b) => strength[b] - strength[a]);
    return new Planes({ shape: [this.channels, ...this.positions], data }, about);
  }

  #at(channel, i) {
    return (
      this.minimum[channel] +
      (this.data[channel * this.size + i] / 255) * (this.maximum[channel] - this.minimum[channel])
    );
  }

  /** The place of a position in a map's bytes. */
  index(at) {
    return at.reduce((whole, part, axis) => whole * this.positions[axis] + part, 0);
  }

  /** A value, as precise as its byte: to 1/255 of the range of its map. */
  value(channel, at) {
    return this.#at(channel, this.index(at));
  }

  /** The scale of a map: its own, or the one of the layer. */
  scale(channel, mode) {
    if (mode === "map")
      return scaleOf(this.minimum[channel], this.maximum[channel], this.low < 0 ? "diverging" : "sequential");
    return scaleOf(this.low, this.high);
  }

  /** Channels in an order: `number`, `strength`, or `response` at a position. */
  ordered(order, at) {
    if (order === "strength" && this.order) return this.order;
    const numbers = Array.from({ length: this.channels }, (_, channel) => channel);
    if (order !== "response" || !at || at.length !== this.positions.length) return numbers;
    const values = numbers.map((channel) => this.value(channel, at));
    return numbers.sort((a, b) => values[b] - values[a]);
  }
}

/** Maps of the last two axes as pixels in one canvas, painted when they are first drawn. */
export class Tiles {
  /** @type {number} of a map, in positions */
  width;
  /** @type {number} */
  height;
  #slots = new Map();

  constructor(planes, mode, theme, plane) {
    this.planes = planes;
    this.mode = mode;
    this.theme = theme;
    this.first = plane;
    [this.height, this.width] = [1, 1, ...planes.positions].slice(-2);
    const wanted = Math.min(
      planes.channels,
      Math.max(1, Math.floor(MOST_PIXELS / (this.width * this.height))),
    );
    this.columns = Math.max(1, Math.min(wanted, Math.floor(4096 / this.width)));
    this.rows = Math.ceil(wanted / this.columns);
    this.canvas = document.createElement("canvas");
    this.canvas.width = this.columns * this.width;
    this.canvas.height = this.rows * this.height;
    this.context = this.canvas.getContext("2d");
  }

  /** Draws a map into a rectangle. */
  draw(context, channel, x, y, width, height) {
    const slot = this.#slots.get(channel) ?? this.#paint(channel);
    const left = (slot % this.columns) * this.width;
    const top = Math.floor(slot / this.columns) * this.height;
    context.drawImage(this.canvas, left, top, this.width, this.height, x, y, width, height);
  }

  /** The address of a picture of a map, one pixel for each position. */
  picture(channel) {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: this.width, height: this.height });
    canvas.getContext("2d").putImageData(this.#image(channel), 0, 0);
    return canvas.toDataURL();
  }

  #paint(channel) {
    if (this.#slots.size >= this.columns * this.rows) this.#slots.clear();
    const slot = this.#slots.size;
    this.#slots.set(channel, slot);
    this.context.putImageData(
      this.#image(channel),
      (slot % this.columns) * this.width,
      Math.floor(slot / this.columns) * this.height,
    );
    return slot;
  }

  #image(channel) {
    const image = this.context.createImageData(this.width, this.height);
    const pixels = new Uint32Array(image.data.buffer);
    const colors = bytesAsColors(this.planes, channel, this.mode, this.theme);
    const start = channel * this.planes.size + this.first * this.width * this.height;
    for (let i = 0; i < pixels.length; i++) pixels[i] = colors[this.planes.data[start + i]];
    return image;
  }
}

/** The color of each byte of a map. */
export function bytesAsColors(planes, channel, mode, theme) {
  const low = planes.minimum[channel];
  const range = planes.maximum[channel] - low;
  if (!Number.isFinite(low) || !Number.isFinite(range)) return new Uint32Array(256).fill(missing(theme));
  const scale = planes.scale(channel, mode);
  const colors = table(scale.kind, theme);
  return Uint32Array.from({ length: 256 }, (_, byte) => colors[placeOf(low + (byte / 255) * range, scale)]);
}
