// Draws the maps that can be seen, their numbers, and the marks of what is chosen and under the pointer.

const MOST_PIXELS = 2 ** 26;

/** Draws into the canvas of a maps panel; only what is scrolled into sight. */
export function drawMaps(panel, layout, tiles) {
  const { clientWidth, clientHeight, scrollTop } = panel.scroller;
  draw(panel, layout, tiles, panel.canvas, { width: clientWidth, height: clientHeight, top: scrollTop });
}

/** All maps in one canvas of their own, as far as a canvas holds them. */
export function wholeMaps(panel, layout, tiles) {
  const canvas = document.createElement("canvas");
  const width = panel.scroller.clientWidth;
  const most = Math.floor(MOST_PIXELS / width / (devicePixelRatio || 1) ** 2);
  draw(panel, layout, tiles, canvas, { width, height: Math.min(layout.height, most), top: 0 });
  return canvas;
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
    label(context, layout, box, channel, channel === selection.c ? colors.mark : colors.muted, planes);
    if (channel === shown?.channel || channel === selection.c)
      frame(context, box, channel === selection.c ? colors.mark : colors.accent);
  }
  marks(context, panel, layout, colors);
}

function label(context, layout, box, channel, color) {
  if (
    layout.labels === "inside" ||
    (layout.labels === "above" && box.w < 18) ||
    (layout.labels === "left" && box.h < 9)
  )
    return;
  context.fillStyle = color;
  if (layout.labels === "above") {
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    context.fillText(String(channel), box.x, box.y - 3);
  } else {
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText(String(channel), box.x - 8, box.y + box.h / 2);
  }
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
