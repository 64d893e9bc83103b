// Where the maps of a layer lie on the screen, and what lies under a point: tiles for maps of two axes, strips for one,
// cells for single values.

const GAP = 6;
const LABEL = 14;
const STRIP_LABEL = 44;

/**
 * A layout: `place(k)` is the rectangle of the k-th map, `hit(x, y)` the map and position under a point, `height` that of
 * all, `spot(k, at)` the rectangle of one position.
 */
export function layoutOf(planes, count, width, size) {
  const rank = planes.positions.length;
  if (rank === 0) return cells(count, width, size);
  return rank === 1
    ? strips(planes.positions[0], count, width, size)
    : tiles(planes.positions.slice(-2), count, width, size);
}

/** The size of a map where none was chosen, in pixels: as large as all fit, within what is readable. */
export function usualSize(planes, width = 640, height = 400) {
  const rank = planes.positions.length;
  if (rank === 0) return 34;
  if (rank === 1) return Math.max(8, Math.min(22, Math.floor(height / planes.channels) - 2));
  const [rows, columns] = planes.positions.slice(-2);
  const longest = Math.max(rows, columns);
  const fits = (size) => tiles([rows, columns], planes.channels, width, size).height <= height;
  const least = Math.min(56, 12 * longest);
  let size = Math.min(280, 40 * longest, width);
  while (size > least && !fits(size)) size -= 4;
  return Math.max(least, size);
}

function tiles([rows, columns], count, width, size) {
  const scale = size / Math.max(rows, columns);
  const wanted = Math.max(columns * scale, 2);
  const across = Math.max(
    1,
    Math.min(Math.round((width + GAP) / (wanted + GAP)), Math.floor((width + GAP) / (2 + GAP))),
  );
  const w = count < across ? wanted : Math.max(2, Math.floor((width + GAP) / across) - GAP);
  const h = Math.max(2, Math.round((w * rows) / columns));
  const step = h + LABEL + GAP;
  const place = (k) => ({ x: (k % across) * (w + GAP), y: Math.floor(k / across) * step + LABEL, w, h });
  return {
    labels: "above",
    across,
    height: Math.ceil(count / across) * step,
    place,
    rowsIn: (top, bottom) => [Math.floor(top / step) * across, Math.ceil(bottom / step) * across],
    hit(x, y) {
      const [column, row] = [Math.floor(x / (w + GAP)), Math.floor(y / step)];
      const k = row * across + column;
      const inside = [
        Math.floor(((y - row * step - LABEL) / h) * rows),
        Math.floor(((x - column * (w + GAP)) / w) * columns),
      ];
      const within =
        column < across &&
        k < count &&
        inside[0] >= 0 &&
        inside[0] < rows &&
        inside[1] >= 0 &&
        inside[1] < columns;
      return within ? { k, at: inside } : null;
    },
    spot(k, at) {
      const { x, y } = place(k);
      const [row, column] = at.slice(-2);
      return { x: x + (column * w) / columns, y: y + (row * h) / rows, w: w / columns, h: h / rows };
    },
  };
}

function strips(length, count, width, size) {
  const step = size + 2;
  const long = Math.max(40, width - STRIP_LABEL);
  const place = (k) => ({ x: STRIP_LABEL, y: k * step, w: long, h: size });
  return {
    labels: "left",
    across: 1,
    height: count * step,
    place,
    rowsIn: (top, bottom) => [Math.floor(top / step), Math.ceil(bottom / step)],
    hit(x, y) {
      const k = Math.floor(y / step);
      const at = Math.floor(((x - STRIP_LABEL) / long) * length);
      return k >= 0 && k < count && at >= 0 && at < length ? { k, at: [at] } : null;
    },
    spot: (k, [at]) => ({ x: STRIP_LABEL + (at * long) / length, y: k * step, w: long / length, h: size }),
  };
}

function cells(count, width, size) {
  const step = size + 2;
  const across = Math.max(1, Math.floor((width + 2) / step));
  const place = (k) => ({ x: (k % across) * step, y: Math.floor(k / across) * step, w: size, h: size });
  return {
    labels: "inside",
    across,
    height: Math.ceil(count / across) * step,
    place,
    rowsIn: (top, bottom) => [Math.floor(top / step) * across, Math.ceil(bottom / step) * across],
    hit(x, y) {
      const [column, row] = [Math.floor(x / step), Math.floor(y / step)];
      const k = row * across + column;
      return column >= 0 && column < across && row >= 0 && k < count ? { k, at: [] } : null;
    },
    spot: (k) => place(k),
  };
}
