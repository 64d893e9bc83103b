// Grounds, edges and pictures of elements.

import { filled, framed, line, picture, round } from "./marks.js";

const SIDES = ["Top", "Right", "Bottom", "Left"];
const COLOR = /rgba?\([^)]+\)|#[0-9a-f]+/i;

/** The ground of an element and what is painted on it. */
export function groundParts(element, style, box, found, within) {
  const [x, y] = found.at(box.left, box.top, within);
  const radius = Math.min(parseFloat(style.borderTopLeftRadius) || 0, box.width / 2, box.height / 2);
  const round = style.borderTopLeftRadius.endsWith("%") ? Math.min(box.width, box.height) / 2 : radius;
  if (isSeen(style.backgroundColor))
    found.add(filled(x, y, box.width, box.height, style.backgroundColor, round), x, y, box.width, box.height);
  if (style.backgroundImage.startsWith("linear-gradient")) found.parts.push(stripe(style, x, y, box));
  if (element.matches("[data-role=pooling]")) found.parts.push(triangle(style, x, y, box));
}

/** A picture of one color, of a size of its own. */
function stripe(style, x, y, box) {
  const [width, height = width] = style.backgroundSize
    .split(" ")
    .map((part, i) => length(part, [box.width, box.height][i]));
  const [left, top] = style.backgroundPosition
    .split(" ")
    .map((part, i) => length(part, [box.width - width, box.height - height][i]));
  return filled(x + left, y + top, width, height, COLOR.exec(style.backgroundImage)[0]);
}

function length(part, whole) {
  return part.endsWith("%") ? (parseFloat(part) / 100) * whole : parseFloat(part) || 0;
}

function triangle(style, x, y, { width, height }) {
  const points = [
    [width / 2, 2],
    [width, 2 + height * 0.5],
    [0, 2 + height * 0.5],
  ];
  const text = points.map(([dx, dy]) => `${round(x + dx)},${round(y + dy)}`).join(" ");
  return `<polygon points="${text}" fill="${COLOR.exec(style.backgroundImage)?.[0] ?? style.borderTopColor}"/>`;
}

/** Edges, and the picture of a canvas, of a picture, of a drawing. */
export function boxParts(element, style, box, found, within) {
  const [x, y] = found.at(box.left, box.top, within);
  const { width, height } = box;
  edges(style, x, y, width, height, found);
  if (element.matches("canvas")) {
    if (element.width && element.height)
      found.add(imageOf(element, style, x, y, width, height), x, y, width, height);
  } else if (element.matches("img")) {
    if (element.naturalWidth) found.add(imageOf(element, style, x, y, width, height), x, y, width, height);
  } else if (element.matches("svg")) {
    found.add(
      `<g transform="translate(${round(x)},${round(y)})">${copied(element)}</g>`,
      x,
      y,
      width,
      height,
    );
  } else if (element.matches("meter") && element.value > 0) {
    found.add(
      filled(x, y, width * element.value, height, style.getPropertyValue("--muted").trim()),
      x,
      y,
      width,
      height,
    );
  }
}

function edges(style, x, y, width, height, found) {
  const lines = SIDES.map((side) => ({
    size: style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`]),
    color: style[`border${side}Color`],
  })).map((each) => (isSeen(each.color) ? each : { ...each, size: 0 }));
  const [top, right, bottom, left] = lines;
  if (lines.every(({ size, color }) => size && size === top.size && color === top.color)) {
    const half = top.size / 2;
    const percent = style.borderTopLeftRadius.endsWith("%");
    const radius = percent ? Math.min(width, height) / 2 - half : parseFloat(style.borderTopLeftRadius) || 0;
    found.parts.push(
      framed(x + half, y + half, width - top.size, height - top.size, top.color, top.size, radius),
    );
    return;
  }
  if (top.size) found.parts.push(line(x, y + top.size / 2, x + width, y + top.size / 2, top.color, top.size));
  if (right.size)
    found.parts.push(
      line(x + width - right.size / 2, y, x + width - right.size / 2, y + height, right.color, right.size),
    );
  if (bottom.size)
    found.parts.push(
      line(
        x,
        y + height - bottom.size / 2,
        x + width,
        y + height - bottom.size / 2,
        bottom.color,
        bottom.size,
      ),
    );
  if (left.size)
    found.parts.push(line(x + left.size / 2, y, x + left.size / 2, y + height, left.color, left.size));
}

/** A canvas in its own pixels; one that WebGL draws is asked to draw now, as its pixels do not last. */
function imageOf(element, style, x, y, width, height) {
  element.dispatchEvent(new CustomEvent("cs-picture"));
  const pixelated = style.imageRendering === "pixelated";
  return picture(
    x,
    y,
    width,
    height,
    element.matches("canvas") ? element.toDataURL() : pixelsOf(element),
    pixelated,
  );
}

function pixelsOf(image) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight });
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL();
}

/** A drawing with the colors and widths that its style gives it. */
function copied(drawing) {
  const copy = drawing.cloneNode(true);
  const [from, to] = [drawing, copy].map((each) => [...each.querySelectorAll("*")]);
  from.forEach((each, i) => {
    const { stroke, strokeWidth, fill, opacity } = getComputedStyle(each);
    for (const [name, value] of Object.entries({ stroke, "stroke-width": strokeWidth, fill, opacity }))
      to[i].setAttribute(name, value);
  });
  return new XMLSerializer().serializeToString(copy);
}

function isSeen(color) {
  return color !== "transparent" && !/^rgba\(.*,\s*0\)$/.test(color);
}
