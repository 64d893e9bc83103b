// A panel as a drawing in SVG: boxes, lines and text as such, canvases as pictures of their own pixels.

import { boxParts, groundParts } from "./boxes.js";
import { textParts } from "./lettering.js";
import { escaped, round } from "./marks.js";

const PADDING = 12;
/** What is there to be used and not to be looked at. */
const CONTROLS =
  "cs-save, cs-own-input, select, input, textarea, label, button.plain:not(.patch), button.quiet, a.quiet, audio, video," +
  " .u-over, .u-value, .u-series:first-child, [aria-live], .skip-in-figures";
/** Rows of such, whose room is given up. */
const ROWS = ".bar, cs-own-input";

/** Text and boxes of an element, collected in the order in which they are painted. */
class Collector {
  parts = [];
  left = 0;
  top = 0;
  width = 0;
  bottom = 0;
  right = 0;
  #stretches = [];

  constructor(root) {
    const { left, top, width } = root.getBoundingClientRect();
    Object.assign(this, { left, top, width });
  }

  /** Where a place of the screen is in the drawing: rooms before it may have grown or gone. */
  at(x, y, within) {
    const grown = this.#stretches
      .filter(({ left, right, from }) => y >= from - 0.5 && x >= left - 1 && x < right + 1)
      .reduce((sum, { extra }) => sum + extra, 0);
    return [x - this.left + within.dx, y - this.top + within.dy + grown];
  }

  /** All that follows below an element moves. */
  stretch({ left, right, bottom }, extra) {
    this.#stretches.push({ left, right, from: bottom, extra });
  }

  /** Adds SVG that covers a rectangle of the drawing. */
  add(text, x, y, width, height) {
    this.parts.push(text);
    this.right = Math.max(this.right, x + width);
    this.bottom = Math.max(this.bottom, y + height);
  }
}

/** Loads pictures that were to be loaded when they are scrolled into sight. */
async function pictures(root) {
  const late = [...root.querySelectorAll("img[loading=lazy]")];
  for (const image of late) image.loading = "eager";
  await Promise.allSettled(late.map((image) => image.decode()));
}

/**
 * An element as SVG.
 * @param {HTMLElement} root
 * @param {{title: string, description: string}} about
 * @returns {Promise<{text: string, width: number, height: number}>}
 */
export async function figureOf(root, { title, description }) {
  await pictures(root);
  const found = new Collector(root);
  walk(root, found, { dx: 0, dy: 0 }, true);
  const width = Math.ceil(Math.max(found.width, found.right) + 2 * PADDING);
  const height = Math.ceil(found.bottom + 2 * PADDING);
  const ground = getComputedStyle(document.body).backgroundColor;
  const text = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<title>${escaped(title)}</title><desc>${escaped(description)}</desc>
<rect width="100%" height="100%" fill="${ground}"/>
<g transform="translate(${PADDING},${PADDING})">
${found.parts.join("\n")}
</g>
</svg>
`;
  return { text, width, height };
}

function walk(element, found, within, isRoot = false) {
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  if (style.display === "none" || style.visibility === "hidden") return;
  if (element.matches(ROWS)) return found.stretch(box, -(box.height + parseFloat(style.marginBottom)));
  if (element.matches(CONTROLS)) return;
  const faint = Number(style.opacity) < 1;
  if (faint) found.parts.push(`<g opacity="${style.opacity}">`);
  if (!isRoot && box.width && box.height) {
    groundParts(element, style, box, found, within);
    boxParts(element, style, box, found, within);
  }
  if (element.asFigure) drawn(element, box, found, within);
  else if (!element.matches("canvas, img, svg, meter")) inside(element, style, box, found, within);
  if (faint) found.parts.push("</g>");
}

/** What an element draws of itself, in place of what it holds. */
function drawn(element, box, found, within) {
  const { height, items } = element.asFigure();
  const [left, top] = found.at(box.left, box.top, within);
  found.parts.push(`<g transform="translate(${round(left)},${round(top)})">`);
  found.add(items.join("\n"), left, top, box.width, height);
  found.parts.push("</g>");
  found.stretch(box, height - box.height);
}

function inside(element, style, box, found, within) {
  const scrolls = /auto|scroll/.test(style.overflowY) && element.scrollHeight > element.clientHeight + 1;
  const inner = { dx: within.dx + element.scrollLeft, dy: within.dy + (scrolls ? element.scrollTop : 0) };
  for (const node of element.childNodes) {
    if (node.nodeType === Node.ELEMENT_NODE) walk(node, found, inner);
    else if (node.nodeType === Node.TEXT_NODE && node.data.trim()) textParts(node, style, found, inner);
  }
  if (scrolls) found.stretch(box, element.scrollHeight - element.clientHeight);
}
