// Draws the maps that can be seen, their numbers, and the marks of what is chosen and under the pointer.

import { framed, lettering, picture } from "../figure/marks.js";

/** Draws into the canvas of a maps panel; only what is scrolled into sight. */
export function drawMaps(panel, layout, tiles) {
  const { clientWidth, clientHeight, scrollTop } = panel.scroller;
  draw(panel, layout, tiles, panel.canvas, { width: clientWidth, height: clientHeight, top: scrollTop });
}

/** All maps as parts of a drawing: each a picture of its own pixels, with its number. */
export function mapParts(panel, layout, tiles) {
  const { channels, planes, selection, shown } = panel;
  const style = getComputedStyle(panel);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  const letters = { size: 10.5, family: style.fontFamily };
  const items = channels.map((channel, k) => {
    const box = layout.place(k);
    const chosen = channel === selection.c;
    return [
      picture(box.x, box.y, box.w, box.h, tiles.picture(channel), true),
      numberOf(layout, box, channel, { ...letters, color: color(chosen ? "mark" : "muted") }),
      chosen ? framed(box.x - 1, box.y - 1, box.w + 2, box.h + 2, color("mark"), 1.5) : "",
    ].join("");
  });
  if (shown?.at.length && shown.at.length === planes.positions.length) {
    const { x, y, w, h } = layout.spot(channels.indexOf(shown.channel), shown.at);
    items.push(framed(x, y, w, h, "#ffffff", 3), framed(x, y, w, h, color("mark"), 1.5));
  }
  return { height: layout.height, items };
}

function numberOf(layout, box, channel, letters) {
  const place = labelPlace(layout, box);
  return place ? lettering(place.x, place.y, channel, { ...letters, anchor: place.anchor }) : "";
}

function draw(panel, layout, tiles, canvas, { width, height, top }) {
  const { channels, planes } = panel;
  const ratio = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  const style = getComputedStyle(panel);
  const colors = Object.fromEntries(
    ["ink", "muted", "accent", "mark", "rule"].map((name) => [name, style.getPropertyValue(`--${name}`)]),
  );
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.translate(0, -top);
  context.imageSmoothingEnabled = false;
  context.font = `10.5px ${style.fontFamily}`;
  const { shown, selection } = panel;
  const [first, behind] = layout.rowsIn(top, top + height);
  for (let k = Math.max(0, first); k < Math.min(behind, channels.length); k++) {
    const channel = channels[k];
    const box = layout.place(k);
    tiles.draw(context, channel, box.x, box.y, box.w, box.h);
    label(context, layout, box, channel, channel === selection.c ? colors.mark : colors.muted);
    if (channel === shown?.channel || channel === selection.c)
      frame(context, box, channel === selection.c ? colors.mark : colors.accent);
  }
  marks(context, panel, layout, colors);
}

function label(context, layout, box, channel, color) {
  const place = labelPlace(layout, box);
  if (!place) return;
  context.fillStyle = color;
  context.textAlign = place.anchor;
  context.textBaseline = "alphabetic";
  context.fillText(String(channel), place.x, place.y);
}

/** Where the number of a map stands; null where there is no room for it. */
function labelPlace({ labels }, { x, y, w, h }) {
  if (labels === "above" && w >= 18) return { x, y: y - 3, anchor: "start" };
  return labels === "left" && h >= 9 ? { x: x - 8, y: y + h / 2 + 4, anchor: "end" } : null;
}

function frame(context, { x, y, w, h }, color) {
  context.strokeStyle = color;
  context.lineWidth = 1.5;
  context.strokeRect(x - 1, y - 1, w + 2, h + 2);
}

/** A small box around the position under the pointer and the chosen one. */
function marks(context, panel, layout, colors) {
  const { shown, selection, channels, planes } = panel;
  const both = [
    [shown, colors.accent],
    [
      selection.at && selection.c !== undefined ? { channel: selection.c, at: selection.at } : null,
      colors.mark,
    ],
  ];
  for (const [mark, color] of both) {
    if (!mark || !mark.at.length || mark.at.length !== planes.positions.length) continue;
    const { x, y, w, h } = layout.spot(channels.indexOf(mark.channel), mark.at);
    const grow = Math.max(0, (5 - Math.min(w, h)) / 2);
    context.lineWidth = 3;
    context.strokeStyle = "rgba(255, 255, 255, 0.9)";
    context.strokeRect(x - grow, y - grow, w + 2 * grow, h + 2 * grow);
    context.lineWidth = 1.5;
    context.strokeStyle = color;
    context.strokeRect(x - grow, y - grow, w + 2 * grow, h + 2 * grow);
  }
}
