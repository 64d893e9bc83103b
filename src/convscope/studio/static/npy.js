// Reads and writes NumPy's .npy files.

const KINDS = {
  b1: Uint8Array,
  u1: Uint8Array,
  i1: Int8Array,
  u2: Uint16Array,
  i2: Int16Array,
  u4: Uint32Array,
  i4: Int32Array,
  i8: BigInt64Array,
  u8: BigUint64Array,
  f2: Uint16Array,
  f4: Float32Array,
  f8: Float64Array,
};

/**
 * An array of numbers.
 * @typedef {{shape: number[], data: Uint8Array | Float32Array | Float64Array | Int32Array, dtype: string}} NumberArray
 */

/**
 * Parses a .npy file: little-endian, row-major, of whole or real numbers. Half precision becomes single, 64-bit whole
 * numbers become doubles.
 * @param {ArrayBuffer} buffer
 * @returns {NumberArray}
 */
export function parseNpy(buffer) {
  const head = new DataView(buffer);
  if (buffer.byteLength < 10 || head.getUint32(0) !== 0x934e554d)
    throw new Error("The reply is no .npy file.");
  const long = head.getUint8(6) > 1;
  const start = long ? 12 : 10;
  const length = long ? head.getUint32(8, true) : head.getUint16(8, true);
  const text = new TextDecoder("latin1").decode(new Uint8Array(buffer, start, length));
  const dtype = /'descr':\s*'[<|=]?(\w\d)'/.exec(text)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/
    .exec(text)?.[1]
    .split(",")
    .filter((part) => part.trim())
    .map(Number);
  if (!dtype || !KINDS[dtype] || !shape || /'fortran_order':\s*True/.test(text)) {
    throw new Error(`The array cannot be read: ${text.trim()}`);
  }
  const count = shape.reduce((a, b) => a * b, 1);
  const Kind = KINDS[dtype];
  const bytes = buffer.slice(start + length, start + length + count * Kind.BYTES_PER_ELEMENT);
  return { shape, dtype, data: readable(dtype, new Kind(bytes)) };
}

function readable(dtype, data) {
  if (dtype === "f2") return Float32Array.from(data, half);
  return dtype === "i8" || dtype === "u8" ? Float64Array.from(data, Number) : data;
}

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Single precision numbers as a .npy file. */
export function writeNpy(data, shape) {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const head = new Uint8Array(10 + length).fill(0x20);
  head.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, length & 255, length >> 8]);
  head.set(new TextEncoder().encode(text), 10);
  head[head.length - 1] = 0x0a;
  return new Blob([head, Float32Array.from(data)], { type: "application/x-npy" });
}

/** The smallest and largest finite number; [0, 0] where there is none. */
export function extent(data) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of data) {
    if (value < low && value !== -Infinity) low = value;
    if (value > high && value !== Infinity) high = value;
  }
  return low <= high ? [low, high] : [0, 0];
}
