// Two axes of numbers as pixels, the field that a position depends on, and attributions over them.

import { missing, placeOf, scaleOf, table } from "./colors.js";
import { extent } from "./npy.js";

/** Below this brightness a picture is shaded by black, so that its shaded part is none of the brightest. */
const DARK = 0.45;

/** Numbers in one color table; null stays transparent. Returns the brightness. */
export function paintNumbers(canvas, values, scale, theme) {
  const colors = table(scale.kind, theme);
  const odd = missing(theme);
  return paint(canvas, (i) =>
    values[i] === null ? 0 : Number.isFinite(values[i]) ? colors[placeOf(values[i], scale)] : odd,
  );
}

/** Values of one or three channels, last, as gray or color, by default from the smallest to the largest; returns the brightness. */
export function paintPicture(canvas, values, channels, [low, high] = extent(values)) {
  const range = high - low || 1;
  const byte = (value) => Math.max(0, Math.min(255, Math.round((255 * (value - low)) / range)));
  return paint(canvas, (i) => {
    const [r, g, b] =
      channels >= 3
        ? [0, 1, 2].map((part) => byte(values[i * channels + part]))
        : new Array(3).fill(byte(values[i * channels]));
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
}

/** Paints a color for each pixel; returns how bright these are in the mean, from 0 to 1. */
function paint(canvas, color) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  let sum = 0;
  for (let i = 0; i < pixels.length; i++) {
    const found = (pixels[i] = color(i));
    sum += 0.2126 * (found & 255) + 0.7152 * ((found >> 8) & 255) + 0.0722 * ((found >> 16) & 255);
  }
  context.putImageData(image, 0, 0);
  return sum / (255 * (pixels.length || 1));
}

/** An attribution over a picture: the stronger, the less of the picture is seen through it. */
export function paintOverlay(canvas, values, theme) {
  const [low, high] = extent(values);
  const scale = scaleOf(low, high);
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  const colors = table(scale.kind, theme);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i++) {
    const alpha = Math.round(220 * Math.min(1, Math.abs(values[i]) / most));
    pixels[i] = ((colors[placeOf(values[i], scale)] & 0xffffff) | (alpha << 24)) >>> 0;
  }
  context.putImageData(image, 0, 0);
}

/**
 * Shades all of a drawing but the field, and frames it. Lengths are those of the input's axes, in rows and columns. What is
 * dark is shaded by black: under white, black would be brighter than what is seen.
 * @param {HTMLCanvasElement} canvas
 * @param {number[][] | null} field
 * @param {number[]} lengths
 * @param {CSSStyleDeclaration} style
 * @param {number} [brightness] of the drawing, from 0 to 1
 */
export function shadeOutside(canvas, field, [rows, columns], style, brightness = 1) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!field) return;
  const [[top, bottom], [left, right]] = field;
  const [sx, sy] = [canvas.width / columns, canvas.height / rows];
  context.fillStyle = style.getPropertyValue(brightness < DARK ? "--shade-dark" : "--shade");
  context.fillRect(0, 0, canvas.width, canvas.height);
  if (bottom <= top || right <= left) return;
  /** @type {[number, number, number, number]} */
  const box = [left * sx, top * sy, (right - left) * sx, (bottom - top) * sy];
  context.clearRect(...box);
  context.lineWidth = 2 * (devicePixelRatio || 1);
  context.strokeStyle = style.getPropertyValue("--mark");
  context.strokeRect(...box);
}

/**
 * Draws boxes over a picture, each with its name: above it with the score where it is found, below it, and dashed, where
 * it is known.
 * @param {{name: string, score: number | null, box: number[]}[]} marks left, top, right and bottom, in positions of the
 *   picture; a score of null for what is known
 */
export function drawBoxes(canvas, marks, [sx, sy], style, named) {
  const context = canvas.getContext("2d");
  const ratio = devicePixelRatio || 1;
  const high = 15 * ratio;
  context.lineWidth = 2 * ratio;
  context.font = `${11 * ratio}px system-ui`;
  for (const { name, score, box } of marks) {
    const known = score === null;
    const color = style.getPropertyValue(known ? "--known" : "--accent");
    const [left, top, right, bottom] = box.map((place, i) => place * (i % 2 ? sy : sx));
    context.strokeStyle = color;
    context.setLineDash(known ? [5 * ratio, 4 * ratio] : []);
    context.strokeRect(left, top, right - left, bottom - top);
    if (!named) continue;
    const text = known ? name : `${name} ${score.toFixed(2)}`;
    const width = context.measureText(text).width + 6 * ratio;
    const x = Math.max(0, Math.min(left, canvas.width - width));
    const above = known ? bottom + high > canvas.height : top >= high;
    const y = above ? (known ? bottom : top) - high : Math.min(bottom, canvas.height - high);
    context.fillStyle = color;
    context.fillRect(x, y, width, high);
    context.fillStyle = style.getPropertyValue("--ground");
    context.fillText(text, x + 3 * ratio, y + 11.5 * ratio);
  }
  context.setLineDash([]);
}

/**
 * Paints classes over a picture, half seen through.
 * @param {HTMLCanvasElement} canvas of one pixel for each position
 * @param {ArrayLike<number>} classes
 * @param {(string | null)[]} colors by the number of a class; null is not painted
 */
export function paintClasses(canvas, classes, colors) {
  const parts = colors.map((color) => {
    const part = (at) => parseInt(color.slice(at, at + 2), 16);
    return color === null ? 0 : ((140 << 24) | (part(5) << 16) | (part(3) << 8) | part(1)) >>> 0;
  });
  paint(canvas, (i) => parts[classes[i]]);
}

/**
 * Outlines classes over a picture: lines within each, where another one is beside it.
 * @param {HTMLCanvasElement} canvas
 * @param {{data: ArrayLike<number>, rows: number, columns: number}} plane
 * @param {(string | null)[]} colors by the number of a class; null is not outlined
 */
export function outlineClasses(canvas, { data, rows, columns }, colors) {
  const context = canvas.getContext("2d");
  const [sx, sy] = [canvas.width / columns, canvas.height / rows];
  const thick = Math.max(1, Math.min(2 * (devicePixelRatio || 1), sx / 2, sy / 2));
  const other = (row, column, own) =>
    row < 0 || column < 0 || row >= rows || column >= columns || data[row * columns + column] !== own;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const own = data[row * columns + column];
      if (colors[own] === null) continue;
      context.fillStyle = colors[own];
      const [x, y] = [column * sx, row * sy];
      if (other(row - 1, column, own)) context.fillRect(x, y, sx, thick);
      if (other(row + 1, column, own)) context.fillRect(x, y + sy - thick, sx, thick);
      if (other(row, column - 1, own)) context.fillRect(x, y, thick, sy);
      if (other(row, column + 1, own)) context.fillRect(x + sx - thick, y, thick, sy);
    }
  }
}

/** A size on the screen for so many rows and columns, whole pixels where there is room. */
export function fitted(rows, columns, width, height) {
  const scale = Math.min(width / columns, height / rows);
  const whole = scale >= 2 ? Math.floor(scale) : scale;
  return [Math.max(1, Math.round(columns * whole)), Math.max(1, Math.round(rows * whole))];
}

/**
 * The plane of an array of three axes, and maybe channels last, at a place of one axis.
 * @returns {{data: Float32Array, rows: number, columns: number, channels: number}}
 */
export function planeOf({ data, shape }, axis, place) {
  const lengths = shape.slice(0, 3);
  const channels = shape[3] ?? 1;
  const steps = [lengths[1] * lengths[2], lengths[2], 1].map((step) => step * channels);
  const [first, second] = [0, 1, 2].filter((each) => each !== axis);
  const [rows, columns] = [lengths[first], lengths[second]];
  const plane = new Float32Array(rows * columns * channels);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const from = place * steps[axis] + row * steps[first] + column * steps[second];
      for (let channel = 0; channel < channels; channel++)
        plane[(row * columns + column) * channels + channel] = data[from + channel];
    }
  }
  return { data: plane, rows, columns, channels };
}
