// Boxes and masks over an input: those that a model finds in it, and those that are known of it.

import { getArray, getJson } from "./api.js";
import { samplePath } from "./catalog.js";
import { groupColor } from "./groups.js";
import { store } from "./store.js";
import { html, nothing } from "./vendor/lit.js";

/**
 * What is found, or known.
 * @typedef {{marks: {name: string, score: number | null, box: number[]}[], names: string[],
 *   mask: {data: Uint8Array, shape: number[]} | null}} Laid
 */

/**
 * What is drawn over an input; null where there is nothing of that, or where it is hidden.
 * @typedef {{found: Laid | null, known: Laid | null, colors: Map<string, string>}} OverInput
 */

/** How both differ; in clouds by their colors alone. */
const HOW = {
  boxes: { found: "lines, with scores", known: "dashed" },
  masks: { found: "filled", known: "outlined" },
  cloud: { found: "", known: "" },
};

/** What a model finds in a sample that is drawn over it. */
export async function loadFound(m, s, signal) {
  const path = samplePath(m.id, s);
  const { marks, mask } = await getJson(`${path}/prediction`, {}, signal);
  return {
    marks,
    mask: mask ? await getArray(`${path}/mask.npy`, {}, signal) : null,
    names: m.classes ?? [],
  };
}

/** What is known of a sample that is drawn over it; null where nothing is. */
export async function loadKnown(m, s, truth, signal) {
  if (!truth) return null;
  const { marks, mask, classes } = truth;
  return {
    marks,
    mask: mask ? await getArray(`api/samples/${s}/mask.npy`, { m: m.id }, signal) : null,
    names: classes,
  };
}

/** Both, as far as they are not hidden; the colors of classes stay whatever is. */
export function overInput(found, known) {
  const { over = "both" } = store.selection;
  const some = (laid) => laid && (laid.mask || laid.marks.length);
  return {
    found: some(found) && over !== "known" && over !== "none" ? found : null,
    known: some(known) && over !== "found" && over !== "none" ? known : null,
    colors: colorsOf([...(found?.names ?? []), ...(known?.names ?? [])]),
  };
}

/** A color for each class; the background has none. */
function colorsOf(names) {
  const shown = [...new Set(names)].filter((name) => name.toLowerCase() !== "background");
  return new Map(shown.map((name, number) => [name, groupColor(number)]));
}

/** What can be hidden, how each is drawn, and the colors of classes. */
export function overInputBar(found, known, media) {
  const masks = Boolean(found?.mask ?? known?.mask);
  if (!masks && !found?.marks.length && !known?.marks.length) return nothing;
  const cloud = media === "cloud";
  const how = HOW[cloud ? "cloud" : masks ? "masks" : "boxes"];
  const { over = "both" } = store.selection;
  const shown = { found: over === "both" || over === "found", known: over === "both" || over === "known" };
  const toggle = (name, text) => {
    const next = { ...shown, [name]: !shown[name] };
    const value = next.found && next.known ? null : next.found ? "found" : next.known ? "known" : "none";
    return html`<button
      class="plain over-${name} ${masks ? "" : cloud ? "lines cloud-lines" : "lines"}"
      aria-pressed=${shown[name]}
      @click=${() => store.select({ over: value })}
    >
      ${text}${how[name] && `: ${how[name]}`}
    </button>`;
  };
  return html`<div class="bar over-input">
    ${toggle("found", "found")}
    ${known ? toggle("known", "true") : html`<span class="muted">nothing known of this sample</span>`}
    ${masks ? legend(overInput(found, known).colors) : nothing}
  </div>`;
}

function legend(colors) {
  return html`<span class="legend">
    ${[...colors].map(
      ([name, color]) =>
        html`<span
          ><svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" fill=${color} /></svg
          >${name}</span
        >`,
    )}
  </span>`;
}

/** The number of each class in a mask as its color; null for the background and for what is not known. */
export function maskColors({ names }, colors) {
  return Array.from({ length: 256 }, (_, number) => colors.get(names[number]) ?? null);
}

/**
 * At which share of positions that are known another class is found; null where one of both is not there.
 * @param {Laid | null} found
 * @param {Laid | null} known
 * @param {number} [most] how many positions are different ones, the first
 */
export function shareWrong(found, known, most = Infinity) {
  if (!found?.mask || !known?.mask || found.mask.data.length !== known.mask.data.length) return null;
  let [counted, wrong] = [0, 0];
  for (let i = 0; i < Math.min(known.mask.data.length, most); i++) {
    const name = known.names[known.mask.data[i]];
    if (name === undefined) continue;
    counted += 1;
    if (found.names[found.mask.data[i]] !== name) wrong += 1;
  }
  return counted ? wrong / counted : null;
}
