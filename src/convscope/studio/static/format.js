// Numbers in text, as the package's figures write them.

const MINUS = "\u2212";
/** @type {[number, string][]} */
const UNITS = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** A number in few significant digits, with a true minus sign. */
export function number(value, digits = 3) {
  if (value === null || value === undefined) return "unknown";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : `${value < 0 ? MINUS : ""}\u221e`;
  const size = Math.abs(value);
  const text =
    size && (size < 1e-3 || size >= 1e5)
      ? value.toExponential(digits - 1).replace(/\.?0*e\+?/, "e")
      : String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", MINUS);
}

/** A number with so many digits behind the point, so that columns line up. */
export function fixed(value, places) {
  if (!Number.isFinite(value)) return number(value);
  const text = value.toFixed(places);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", MINUS);
}

/** A number for narrow cells: at most two digits behind the point. */
export function short(value) {
  const size = Math.abs(value);
  if (!value || !Number.isFinite(value) || size >= 1e4) return number(value, 2);
  return fixed(value, size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

/** A count in full, in groups of three. */
export function count(value) {
  return value === null || value === undefined ? "unknown" : value.toLocaleString("en-US");
}

/** A count in three digits, such as 2.73 M. */
export function brief(value) {
  if (value === null || value === undefined) return "unknown";
  const [size, unit] = UNITS.find(([size]) => value >= size) ?? [1, ""];
  return unit ? `${Number((value / size).toPrecision(3))} ${unit}` : String(value);
}

/** A share as a percentage; what is not all or nothing never reads like it. */
export function percent(share) {
  if (share > 0 && share < 0.0005) return "<0.1%";
  if (share < 1 && share >= 0.995) return share >= 0.9995 ? ">99.9%" : `${(100 * share).toFixed(1)}%`;
  return `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}%`;
}

/** A shape such as 46×46×32. */
export function shape(lengths) {
  return lengths.map((length) => length ?? "?").join("\u00d7") || "1 value";
}

/** A noun with its number, such as 1 map, 32 maps. */
export function plural(value, noun) {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}
