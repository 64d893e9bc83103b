// What the server has: models with their layers, and where each position of a layer looks in the input.

import { freshJson, getJson } from "./api.js";
import { store } from "./store.js";

/**
 * A layer as the server tells it, with two names that say more: `lengths` of its positions (the server's `spatial`), and
 * whether its values can be taken apart (the server's `positions`).
 * @typedef {{id: string, name: string, short: string, type: string, kind: string, inputs: string[], shape: number[],
 *   lengths: number[], channels: number | null, maps: number | null, parameters: number, multiply_adds: number | null,
 *   receptive_field: number[] | null, stride: number[] | null, hops: number, everything: boolean, takenApart: boolean,
 *   block: number | null, text: string, about: string, here: string, numbers: string}} Layer
 */

let state = null;
const layerLists = new Map();

/** Loads models and data; to be called first. */
export async function loadState() {
  state = await freshJson("api/state");
  return state;
}

/** Models and data. */
export function studioState() {
  return state;
}

/**
 * The models that are selected, the first one in front: with the weights of the selected epoch where their run has kept it, or
 * of the one that their id names, such as `0@12`.
 * @param {number | null} [e] another epoch than the selected one; null for the one that a run chose
 */
export function chosenModels(e = store.selection.e) {
  const { m = [] } = store.selection;
  const ids = m.filter((id) => state.models.some((each) => each.id === baseOf(id)));
  return (ids.length ? ids : state.models.slice(0, 1).map(({ id }) => id)).map((id) => {
    const found = state.models.find((each) => each.id === baseOf(id));
    const wanted = id.includes("@") ? Number(id.split("@")[1]) : e;
    return wanted === undefined || wanted === null ? found : atEpoch(found, wanted);
  });
}

/** A model with the weights of an epoch: the last one that its run has kept up to there, or else the first. */
function atEpoch(found, wanted) {
  const epochs = found.epochs ?? [];
  const epoch = epochs.findLast((each) => each <= wanted) ?? epochs[0];
  return epoch === undefined ? found : { ...found, id: `${found.id}@${epoch}`, epoch };
}

/** The id of a model without that of an epoch. */
export function baseOf(id) {
  return id.split("@")[0];
}

/** Whether a model predicts one of its classes for each sample. */
export function predictsClasses(chosen) {
  return chosen?.output === "classes";
}

/** The selected model. */
export function model() {
  return chosenModels()[0] ?? null;
}

/** Loads the layers of a model, so that `layersOf` knows them. */
export async function loadLayers(whole) {
  const id = baseOf(whole);
  if (layerLists.has(id)) return;
  const { layers: rows, blocks, inputs, ...rest } = await getJson(`api/models/${id}/layers`);
  const layers = rows.map(({ spatial, positions, ...row }) => ({
    ...row,
    lengths: spatial ?? [],
    takenApart: positions,
  }));
  const byName = new Map(layers.map((each) => [each.name, each]));
  layerLists.set(id, { ...rest, layers, inputs: inputs ?? [], series: seriesOf(blocks ?? []), byName });
}

/** Blocks that are alike, together: `{text, blocks}`. */
function seriesOf(blocks) {
  const series = new Map();
  for (const block of blocks) {
    const found = series.get(block.series) ?? { text: block.text, blocks: [] };
    found.blocks.push(block);
    series.set(block.series, found);
  }
  return [...series.values()];
}

/** The layers of a model, `{layers, inputs, series, byName}`; null until they are loaded. */
export function layersOf(id) {
  return (id && layerLists.get(baseOf(id))) ?? null;
}

/** The selected layer of a model, by default of the first; null where it has none of that name. */
export function layer(id = model()?.id) {
  return layersOf(id)?.byName.get(store.selection.l) ?? null;
}

/** Model, sample and layer of a side: `a` is what is selected, `b` what it is compared with. */
export function sideOf(side) {
  const { s, s2, l2 } = store.selection;
  if (side !== "b") return { chosenModel: model(), sample: s, chosenLayer: layer() };
  const chosenModel = chosenModels()[1] ?? model();
  const list = layersOf(chosenModel.id);
  return { chosenModel, sample: s2 ?? s, chosenLayer: list?.byName.get(l2 ?? store.selection.l) ?? null };
}

/** The layer that is shown where none was chosen: the first whose values can be taken apart over positions. */
export function firstLayer(id) {
  const { layers } = layersOf(id);
  const shown = layers.filter((each) => each.maps);
  const apart = shown.filter((each) => each.takenApart && each.lengths.length);
  return apart.find(({ parameters }) => parameters) ?? apart[0] ?? shown[0] ?? layers[0] ?? null;
}

/** The path of what a layer has by itself. */
export function layerPath(id, chosen) {
  return `api/models/${id}/layers/${chosen.id}`;
}

/** The path of what a layer puts out for a sample. */
export function samplePath(id, sample, chosen) {
  return `api/models/${id}/samples/${sample}${chosen ? `/layers/${chosen.id}` : ""}`;
}

/** Where each position of a layer looks in the input, exactly: starts and stops for every position of each axis. */
export function loadField(id, sample, chosen, signal) {
  return getJson(`${samplePath(id, sample, chosen)}/field`, {}, signal);
}

/** The part of the input that one position depends on, [start, stop) per axis; null where that is not known. */
export function fieldAt(where, at) {
  if (!where?.known || !at) return null;
  return where.axes.map(({ axis, whole, starts, stops }) => {
    const place = whole || axis === null ? 0 : at[axis];
    return [starts[place] ?? 0, stops[place] ?? 0];
  });
}

/** The classes of the labels and predictions of a model. */
export function classNames(chosen = model()) {
  return chosen?.classes ?? state.data?.classes ?? [];
}

/** What a label or prediction is called: numbers are those of classes, names stay; null is empty. */
export function className(label, classes = classNames()) {
  if (label === null || label === undefined) return "";
  return typeof label === "number" ? (classes[label] ?? String(label)) : label;
}
