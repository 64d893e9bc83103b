// Figures and numbers out of the page: a canvas as PNG, and arrays by the addresses that they came from.

import { address } from "./api.js";
import { html } from "./vendor/lit.js";

/** Saves a canvas as a PNG on the color of the page. */
export function saveCanvas(canvas, name) {
  const whole = document.createElement("canvas");
  Object.assign(whole, { width: canvas.width, height: canvas.height });
  const context = whole.getContext("2d");
  context.fillStyle = getComputedStyle(document.body).backgroundColor;
  context.fillRect(0, 0, whole.width, whole.height);
  context.drawImage(canvas, 0, 0);
  whole.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = fileName(name, "png");
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
}

/** A link that saves numbers: a .npy file, or JSON. */
export function numbersLink(path, query, name) {
  const ending = path.endsWith(".npy") ? "npy" : "json";
  return html`<a
    class="quiet"
    href=${address(path, query)}
    download=${fileName(name, ending)}
    title="Save the numbers"
    >${ending.toUpperCase()}</a
  >`;
}

function fileName(name, ending) {
  return `${name.replace(/[^\w.-]+/g, "-").replace(/^-+|-+$/g, "")}.${ending}`;
}
