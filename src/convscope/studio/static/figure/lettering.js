// Text as the screen sets it: each line where it is, as wide as it is.

import { lettering } from "./marks.js";

const measure = document.createElement("canvas").getContext("2d");

/** The lines of a text node. */
export function textParts(node, style, found, within) {
  const limit = cutAt(node.parentElement, style);
  for (const { text, left, top, right, height, index } of linesOf(node)) {
    const [shown, end] = right > limit + 1 ? shortened(node, index, text, limit) : [text, right];
    const [x, y] = found.at(left, top, within);
    const part = lettering(x, y + baseline(style, height), shown, {
      color: style.color,
      size: parseFloat(style.fontSize),
      family: style.fontFamily,
      weight: style.fontWeight,
      style: style.fontStyle,
      length: end - left,
    });
    found.add(part, x, y, end - left, height);
  }
}

/** Words that stand in one line, together. */
function linesOf(node) {
  const range = document.createRange();
  const lines = [];
  for (const { 0: word, index } of node.data.matchAll(/\S+/g)) {
    range.setStart(node, index);
    range.setEnd(node, index + word.length);
    const rects = range.getClientRects();
    const last = lines.at(-1);
    if (!rects.length) continue;
    if (rects.length > 1) lines.push(...brokenWord(node, index, word));
    else if (last && Math.abs(last.top - rects[0].top) < 2 && rects[0].left >= last.right - 1)
      Object.assign(last, { text: `${last.text} ${word}`, right: rects[0].right });
    else lines.push(lineOf(word, rects[0], index));
  }
  return lines;
}

function lineOf(text, { left, top, right, height }, index) {
  return { text, left, top, right, height, index };
}

/** A word that goes over the end of a line, letter by letter. */
function brokenWord(node, index, word) {
  const range = document.createRange();
  const lines = [];
  for (let i = 0; i < word.length; i++) {
    range.setStart(node, index + i);
    range.setEnd(node, index + i + 1);
    const [rect] = range.getClientRects();
    const last = lines.at(-1);
    if (!rect) continue;
    if (last && Math.abs(last.top - rect.top) < 2)
      Object.assign(last, { text: last.text + word[i], right: rect.right });
    else lines.push(lineOf(word[i], rect, index + i));
  }
  return lines;
}

/** Where text ends on the right because its box is too small; infinity where it does not. */
function cutAt(element, style) {
  const inline = style.display === "inline" ? element.parentElement : element;
  const own = getComputedStyle(inline);
  return own.overflowX === "hidden" && own.textOverflow === "ellipsis"
    ? inline.getBoundingClientRect().right
    : Infinity;
}

/** The text as far as there is room, with an ellipsis. */
function shortened(node, begin, text, limit) {
  const range = document.createRange();
  let count = 0;
  let end = limit;
  for (let i = 0; i < text.length && begin + i < node.data.length; i++) {
    range.setStart(node, begin + i);
    range.setEnd(node, begin + i + 1);
    const rect = range.getBoundingClientRect();
    if (rect.right > limit - 9) break;
    count = i + 1;
    end = rect.right + 8;
  }
  return [`${text.slice(0, count)}\u2026`, end];
}

function baseline({ fontStyle, fontWeight, fontSize, fontFamily }, height) {
  measure.font = `${fontStyle} ${fontWeight} ${fontSize} ${fontFamily}`;
  const { fontBoundingBoxAscent: above, fontBoundingBoxDescent: below } = measure.measureText("x");
  return (height * above) / (above + below || 1);
}
