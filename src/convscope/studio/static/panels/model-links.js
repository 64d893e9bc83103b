// Lines beside the rows of a network for what does not simply go to the next row.

import { nothing, svg } from "../vendor/lit.js";

export const ROW = 40;
const LANE = 6;
const LANES = 4;

/** Links between rows that are not neighbors, each in a lane of its own where they overlap. */
export function linksOf(rows) {
  const makers = new Map();
  rows.forEach(({ names }, row) => names.forEach((name) => makers.set(name, row)));
  const wanted = [];
  rows.forEach(({ inputs }, to) => {
    for (const name of new Set(inputs)) {
      const from = makers.get(name);
      if (from !== undefined && to - from > 1) wanted.push({ from, to });
    }
  });
  const ends = new Array(LANES).fill(-1);
  return wanted
    .sort((a, b) => a.from - b.from)
    .filter(({ from, to }) => !isNext(rows, from, to))
    .map((link) => {
      const free = ends.findIndex((end) => end <= link.from);
      const lane = free < 0 ? LANES - 1 : free;
      ends[lane] = link.to;
      return { ...link, lane };
    });
}

/** Whether only headings of blocks lie between two rows. */
function isNext(rows, from, to) {
  return rows.slice(from + 1, to).every(({ names }) => names.length === 0);
}

/** The links as an SVG as high as the rows. */
export function drawLinks(links, count) {
  if (!links.length) return nothing;
  const width = LANE * (LANES + 1);
  return svg`<svg class="links" width=${width} height=${count * ROW} aria-hidden="true">
    ${links.map(({ from, to, lane }) => {
      const [y0, y1] = [(from + 0.5) * ROW, (to + 0.5) * ROW - 4];
      const x = width - LANE * (lane + 1.4);
      return svg`<path d="M${width},${y0} H${x + 4} Q${x},${y0} ${x},${y0 + 4} V${y1 - 4} Q${x},${y1} ${x + 4},${y1} H${width}"></path>`;
    })}
  </svg>`;
}
