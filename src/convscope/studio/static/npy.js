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
  return new Blob([npyBytes({ data, shape, dtype: "f4" })], { type: "application/x-npy" });
}

/**
 * An array as the bytes of a .npy file, little-endian, row-major.
 * @param {{data: ArrayLike<number | bigint | string>, shape: number[], dtype: string}} array dtype as in `KINDS`, or `U` for texts
 */
export function npyBytes({ data, shape, dtype }) {
  const texts = dtype === "U";
  const { bytes, descr } = texts ? textBytes(data) : numberBytes(data, dtype);
  const lengths = `${shape.join(", ")}${shape.length === 1 ? "," : ""}`;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${lengths}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const whole = new Uint8Array(10 + length + bytes.length).fill(0x20, 0, 10 + length);
  whole.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, length & 255, length >> 8]);
  whole.set(new TextEncoder().encode(text), 10);
  whole[9 + length] = 0x0a;
  whole.set(bytes, 10 + length);
  return whole;
}

function numberBytes(data, dtype) {
  const values = dtype === "f2" ? Float32Array.from(data) : KINDS[dtype].from(data);
  const name = dtype === "f2" ? "f4" : dtype;
  return {
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    descr: values.BYTES_PER_ELEMENT > 1 ? `<${name}` : `|${name}`,
  };
}

/** Texts in UTF-32, all filled up to the longest. */
function textBytes(data) {
  const points = Array.from(data, (text) => Array.from(text, (letter) => letter.codePointAt(0)));
  const most = points.reduce((large, { length }) => Math.max(large, length), 1);
  const codes = new Uint32Array(points.length * most);
  points.forEach((text, i) => codes.set(text, i * most));
  return { bytes: new Uint8Array(codes.buffer), descr: `<U${most}` };
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
