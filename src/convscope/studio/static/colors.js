// Numbers as colors, the same as in the package's figures.
//
// A map without negative values takes viridis, a signed one a diverging map whose neutral middle is 0: white on light
// ground, near-black on dark ground. What is not finite has a color that no map contains.

const VIRIDIS =
  "440154 460c5f 47186a 482273 472c7b 453681 424085 3e4989 3a528b 365a8c 32628d " +
  "2f6a8d 2c728e 287a8e 26818e 23898d 20908c 1e978a 1e9e88 21a685 27ad80 30b47a " +
  "3dbb74 4bc26c 5bc862 6dce58 81d34c 95d73f aadb32 bfdf24 d4e11a e9e419 fde724";
const RED_BLUE =
  "053061 0d4078 165190 1f62a7 2971b1 347fb9 3f8dc0 529cc8 6bacd0 84bcd9 9ac9e0 " +
  "aed3e6 c2ddeb d3e6f0 dfecf2 ebf1f4 f7f6f6 f8eee8 fae5d9 fcddca faceb6 f8bda1 " +
  "f5ac8b ee9878 e58368 db6d57 d15749 c6403e bb2a33 ad162a 960f26 7e0722 67001f";
const BLUE_ORANGE =
  "b3dcff 9ccff8 86c2f2 6fb5ec 59a8e5 4d98d4 4189c4 3579b3 2969a2 265d8f 23517c " +
  "204569 1c3956 1b3146 192837 182028 181819 271d18 382317 492815 5b2e14 6e3816 " +
  "814118 944b1a a7541c b66327 c67133 d5803e e48e49 eb9f62 f1b07a f8c193 ffd3ac";
const MISSING = { light: 0xe5007d, dark: 0xff3fa4 };

const tables = new Map();

/** The color table of a scale: 256 numbers of red, green, blue as bytes of one 32-bit number for ImageData. */
export function table(kind, theme) {
  const key = kind === "diverging" ? `${kind} ${theme}` : kind;
  if (!tables.has(key)) tables.set(key, key === "gray" ? grays() : spread(anchors(kind, theme)));
  return tables.get(key);
}

/** The color of what is not finite. */
export function missing(theme) {
  const color = MISSING[theme];
  return packed((color >> 16) & 255, (color >> 8) & 255, color & 255);
}

function anchors(kind, theme) {
  if (kind === "sequential") return VIRIDIS;
  return theme === "dark" ? BLUE_ORANGE : RED_BLUE;
}

function grays() {
  return Uint32Array.from({ length: 256 }, (_, i) => packed(i, i, i));
}

function spread(text) {
  const colors = text.split(" ").map((color) => [0, 2, 4].map((at) => parseInt(color.slice(at, at + 2), 16)));
  const steps = colors.length - 1;
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * steps;
    const left = Math.min(Math.floor(at), steps - 1);
    const [r, g, b] = colors[left].map((low, part) =>
      Math.round(low + (at - left) * (colors[left + 1][part] - low)),
    );
    return packed(r, g, b);
  });
}

function packed(r, g, b) {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/**
 * Which number gets which color.
 * @typedef {{low: number, high: number, kind: "sequential" | "diverging" | "gray"}} Scale
 */

/** The scale that just holds these numbers; diverging and symmetric where some are negative. */
export function scaleOf(low, high, kind = low < 0 ? "diverging" : "sequential") {
  if (kind === "sequential" || low >= 0) return { low, high, kind };
  const furthest = Math.max(Math.abs(low), Math.abs(high));
  return { low: -furthest, high: furthest, kind };
}

/** The place of a number in a color table. */
export function placeOf(value, { low, high, kind }) {
  if (high <= low) return kind === "diverging" ? 128 : 0;
  return Math.max(0, Math.min(255, Math.round((255 * (value - low)) / (high - low))));
}

/** A CSS color of a number. */
export function cssColor(value, scale, theme) {
  const color = Number.isFinite(value) ? table(scale.kind, theme)[placeOf(value, scale)] : missing(theme);
  return `rgb(${color & 255}, ${(color >> 8) & 255}, ${(color >> 16) & 255})`;
}

/** Black or white, whichever is readable on that number's color. */
export function inkOn(value, scale, theme) {
  const color = table(scale.kind, theme)[placeOf(Number.isFinite(value) ? value : scale.low, scale)];
  const [r, g, b] = [color & 255, (color >> 8) & 255, (color >> 16) & 255].map((part) => (part / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000000" : "#ffffff";
}
