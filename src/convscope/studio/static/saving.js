// Figures and numbers out of the page: files that the browser saves.

import { getBlob } from "./api.js";
import { model } from "./catalog.js";
import { figureOf } from "./figure/figure.js";
import { writeNpz } from "./npz.js";
import { store } from "./store.js";

const LARGEST_SIDE = 16_000;
const MOST_PIXELS = 2 ** 26;

/** Saves a panel as a drawing. */
export async function saveSvg(panel, name) {
  const { text } = await figureOf(panel, about(name));
  download(new Blob([text], { type: "image/svg+xml" }), name, "svg");
}

/** Saves a panel as a picture, two pixels for each of the screen where there is room. */
export async function savePng(panel, name) {
  const { text, width, height } = await figureOf(panel, about(name));
  const scale = Math.min(
    2,
    LARGEST_SIDE / Math.max(width, height),
    Math.sqrt(MOST_PIXELS / (width * height)),
  );
  const image = new Image();
  const address = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  download(await new Promise((resolve) => canvas.toBlob(resolve, "image/png")), name, "png");
}

/**
 * Saves arrays by name, with what they mean and the address of the selection.
 * @param {() => Promise<{arrays: Object, leftOut: string[]}>} numbers
 */
export async function saveNpz(numbers, name) {
  const { arrays, leftOut } = await numbers();
  const meaning = Object.entries(arrays).map(([each, { axes, unit }]) => [each, { axes, unit }]);
  const said = JSON.stringify({
    address: location.hash,
    model: model().name,
    arrays: Object.fromEntries(meaning),
    left_out: leftOut,
  });
  download(writeNpz({ about: { data: [said], shape: [], dtype: "U" }, ...arrays }), name, "npz");
}

/** Saves the selection as one page that works without a server. */
export async function savePage(name) {
  download(
    await getBlob("api/saved.html", Object.fromEntries(new URLSearchParams(location.hash.slice(1)))),
    name,
    "html",
  );
}

/** Lets the browser save a file. */
export function download(blob, name, ending) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name.replace(/[^\w.-]+/g, "-").replace(/^-+|-+$/g, "")}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function about(name) {
  const { s } = store.selection;
  return {
    title: `${name}, ${model().name}${s === undefined ? "" : `, sample ${s}`}`,
    description: location.hash,
  };
}
