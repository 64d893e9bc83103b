// Pieces of SVG.

/** Text without what means something in XML. */
export function escaped(text) {
  return String(text)
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** A length in hundredths of a pixel. */
export function round(value) {
  return Math.round(100 * value) / 100;
}

/** A filled rectangle. */
export function filled(x, y, width, height, color, radius = 0) {
  const corner = radius ? ` rx="${round(radius)}"` : "";
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"${corner} fill="${escaped(color)}"/>`;
}

/** The edge of a rectangle. */
export function framed(x, y, width, height, color, line, radius = 0) {
  const corner = radius ? ` rx="${round(radius)}"` : "";
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"${corner} fill="none" stroke="${escaped(color)}" stroke-width="${round(line)}"/>`;
}

/** A straight line. */
export function line(x1, y1, x2, y2, color, width = 1) {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${escaped(color)}" stroke-width="${round(width)}"/>`;
}

/** A picture; its pixels stay squares where that is wanted. */
export function picture(x, y, width, height, address, pixelated) {
  const how = pixelated ? ' style="image-rendering:pixelated"' : "";
  return `<image x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" preserveAspectRatio="none"${how} href="${escaped(address)}"/>`;
}

/** One line of text. */
export function lettering(
  x,
  y,
  text,
  { color, size, family, weight = "400", style = "normal", anchor = "start", length = 0 },
) {
  const fit = length ? ` textLength="${round(length)}" lengthAdjust="spacingAndGlyphs"` : "";
  const shape = `${weight === "400" ? "" : ` font-weight="${weight}"`}${style === "normal" ? "" : ` font-style="${style}"`}`;
  const side = anchor === "start" ? "" : ` text-anchor="${anchor}"`;
  return `<text x="${round(x)}" y="${round(y)}" fill="${escaped(color)}" font-size="${round(size)}" font-family="${escaped(family)}"${shape}${side}${fit}>${escaped(text)}</text>`;
}
