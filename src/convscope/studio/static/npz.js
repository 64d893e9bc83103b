// Writes NumPy's .npz files: arrays by name, stored one after the other in a ZIP archive.

import { npyBytes } from "./npy.js";

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const UTF8 = 0x0800;
/** 1 January 1980, the first day that a ZIP archive knows. */
const DAY = 0x21;

/**
 * Arrays as a .npz file.
 * @param {Object<string, {data: ArrayLike<number | bigint | string>, shape: number[], dtype: string}>} arrays
 */
export function writeNpz(arrays) {
  const files = Object.entries(arrays).map(([name, array]) => {
    const bytes = npyBytes(array);
    return { name: new TextEncoder().encode(`${name}.npy`), bytes, crc: crcOf(bytes), offset: 0 };
  });
  const parts = [];
  let offset = 0;
  for (const file of files) {
    file.offset = offset;
    const head = record(LOCAL, 30, file, (view) => common(view, 4, file));
    parts.push(head, file.bytes);
    offset += head.length + file.bytes.length;
  }
  const start = offset;
  for (const file of files) {
    const entry = record(CENTRAL, 46, file, (view) => {
      view.setUint16(4, 20, true);
      common(view, 6, file);
      view.setUint32(42, file.offset, true);
    });
    parts.push(entry);
    offset += entry.length;
  }
  parts.push(endOf(files.length, start, offset - start));
  return new Blob(parts, { type: "application/x-npz" });
}

/** A record with the name of its file behind it. */
function record(signature, length, { name }, fill) {
  const bytes = new Uint8Array(length + name.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, signature, true);
  fill(view);
  bytes.set(name, length);
  return bytes;
}

/** What both records of a file say: version, flags, no compression, time, sum, sizes, length of the name. */
function common(view, at, { name, bytes, crc }) {
  view.setUint16(at, 20, true);
  view.setUint16(at + 2, UTF8, true);
  view.setUint16(at + 8, DAY, true);
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, bytes.length, true);
  view.setUint32(at + 18, bytes.length, true);
  view.setUint16(at + 22, name.length, true);
}

function endOf(count, start, length) {
  const view = new DataView(new ArrayBuffer(22));
  view.setUint32(0, END, true);
  view.setUint16(8, count, true);
  view.setUint16(10, count, true);
  view.setUint32(12, length, true);
  view.setUint32(16, start, true);
  return new Uint8Array(view.buffer);
}

function crcOf(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = CRC[(sum ^ byte) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}
