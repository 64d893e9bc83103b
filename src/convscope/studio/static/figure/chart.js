// A chart of uPlot as lines and text.

import { escaped, filled, lettering, line, round } from "./marks.js";

/**
 * What a chart shows, in pixels of its own box.
 * @param {uPlot} chart
 * @param {(plot: {left: number, top: number, width: number, height: number}, at: (value: number) => number) => {under: string[],
 *   over: string[]}} besides what is drawn before and after the lines; `at` is where a value of the first axis is
 */
export function chartParts(chart, besides = () => ({ under: [], over: [] })) {
  const { left, top, width, height } = chart.bbox;
  const ratio = devicePixelRatio;
  const plot = { left: left / ratio, top: top / ratio, width: width / ratio, height: height / ratio };
  const { under, over } = besides(plot, (value) => plot.left + chart.valToPos(value, chart.series[0].scale));
  const axes = chart.axes.filter(({ show }) => show).flatMap((axis) => axisParts(chart, axis, plot));
  const curves = chart.series.slice(1).map((series, i) => curve(chart, series, i + 1, plot));
  return { height: chart.height, items: [...under, ...axes, ...curves, ...over] };
}

function axisParts(chart, axis, plot) {
  const lies = axis.side % 2 === 0;
  const family = axis.font[0].replace(/^.*?px\s*/, "") || "system-ui";
  const size =
    parseFloat(/([\d.]+)px/.exec(axis.font[0])?.[1] ?? "11") /
    (axis.font[1] && axis.font[1] > 16 ? devicePixelRatio : 1);
  const color = axis.stroke(chart, 0);
  return (axis._splits ?? []).flatMap((split, i) => {
    if (split === null) return [];
    const place = chart.valToPos(split, axis.scale);
    const text = axis._values[i];
    const letters = { color, size, family, anchor: lies ? "middle" : "end" };
    const grid = axis.grid.stroke(chart, 0);
    if (lies)
      return [
        line(plot.left + place, plot.top, plot.left + place, plot.top + plot.height, grid),
        text ? lettering(plot.left + place, plot.top + plot.height + size + 5, text, letters) : "",
      ];
    return [
      line(plot.left, plot.top + place, plot.left + plot.width, plot.top + place, grid),
      text ? lettering(plot.left - 6, plot.top + place + 0.35 * size, text, letters) : "",
    ];
  });
}

/** The line of a series, broken where a value is missing. */
function curve(chart, series, number, plot) {
  const [xs, ys] = [chart.data[0], chart.data[number]];
  let drawing = false;
  let path = "";
  for (let i = 0; i < xs.length; i++) {
    const known = ys[i] !== null && ys[i] !== undefined;
    if (known) {
      const x = plot.left + chart.valToPos(xs[i], chart.series[0].scale);
      const y = plot.top + chart.valToPos(ys[i], series.scale);
      path += `${drawing ? "L" : "M"}${round(x)} ${round(y)}`;
    }
    drawing = known;
  }
  const color = escaped(series.stroke(chart, number));
  return `<path d="${path}" fill="none" stroke="${color}" stroke-width="${series.width}" stroke-linejoin="round"/>`;
}

/** A band over some values of the first axis. */
export function band(plot, from, to, color, opacity = 1) {
  const [left, right] = [from, to].map((x) => Math.max(plot.left, Math.min(plot.left + plot.width, x)));
  if (right <= left) return "";
  return `<g opacity="${opacity}">${filled(left, plot.top, right - left, plot.height, color)}</g>`;
}
