// The numbers that panels show, by name, with the names of their axes and their units.

import { ApiError, getArray, getJson } from "./api.js";
import { className, layer, layerPath, layersOf, model, samplePath } from "./catalog.js";
import { loadFound, loadKnown } from "./over-input.js";
import { store } from "./store.js";

/** Attributions that are shown where none were chosen. */
export const USUAL = ["grad-cam", "integrated-gradients", "occlusion"];
const FLOATS = new Set(["f2", "f4", "f8"]);

/**
 * An array with what its numbers mean.
 * @typedef {{data: ArrayLike<number | bigint | string>, shape: number[], dtype: string, axes: string[], unit: string}} Named
 */

/** An array as it came from the server. */
export function named(array, axes, unit = "") {
  const dtype =
    array.dtype === "i8" || array.dtype === "u8"
      ? "f8"
      : FLOATS.has(array.dtype) && array.dtype !== "f8"
        ? "f4"
        : array.dtype;
  return { data: array.data, shape: array.shape, dtype, axes, unit };
}

/** Numbers of one axis; what is not known is NaN. */
export function numbers(values, axis, unit = "") {
  const data = Float64Array.from(values, (value) => value ?? NaN);
  return { data, shape: [data.length], dtype: "f8", axes: [axis], unit };
}

/** Texts of one axis. */
export function texts(values, axis) {
  const data = Array.from(values, (value) => String(value ?? ""));
  return { data, shape: [data.length], dtype: "U", axes: [axis], unit: "" };
}

/** A single number. */
export function scalar(value, unit = "") {
  return { data: [value ?? NaN], shape: [], dtype: "f8", axes: [], unit };
}

function axesOf(meta, shape) {
  const axes = shape.map((_, i) => meta.axes?.[i]?.name ?? (i ? "channel" : "position"));
  return axes;
}

function unitsOf(meta) {
  const axes = (meta.axes ?? []).filter(({ unit }) => unit);
  return axes.map(({ name, unit }) => `${name} in ${unit}`).join(", ");
}

/** Axes of maps: channels, then positions. */
function mapAxes(rank) {
  const positions = { 0: [], 1: ["position"], 2: ["row", "column"] }[rank - 1];
  return ["channel", ...(positions ?? Array.from({ length: rank - 1 }, (_, i) => `axis ${i}`))];
}

/** Layers of the model. */
export function modelNumbers() {
  const { layers } = layersOf(model().id);
  const shown = layers.filter(({ kind }) => kind !== "group");
  const lengths = (values) => (values ?? []).map((length) => length ?? "?").join("x");
  return {
    layer: texts(
      shown.map(({ name }) => name),
      "layer",
    ),
    type: texts(
      shown.map(({ type }) => type),
      "layer",
    ),
    output_shape: texts(
      shown.map(({ shape }) => lengths(shape)),
      "layer",
    ),
    receptive_field: texts(
      shown.map((each) => lengths(each.receptive_field)),
      "layer",
    ),
    parameters: numbers(
      shown.map(({ parameters }) => parameters),
      "layer",
      "weights",
    ),
    multiply_adds: numbers(
      shown.map((each) => each.multiply_adds),
      "layer",
      "for one sample",
    ),
  };
}

/** The sample as it is drawn. */
export async function inputNumbers({ sample, chosenModel } = chosen()) {
  const path = `api/samples/${sample}`;
  const [meta, array] = await Promise.all([
    getJson(`${path}/input.json`, { m: chosenModel.id }),
    getArray(`${path}/input.npy`, { m: chosenModel.id }),
  ]);
  const found = { input: named(array, axesOf(meta, array.shape), unitsOf(meta)) };
  for (const [i, axis] of (meta.axes ?? []).entries())
    if (axis.places?.every((place) => typeof place === "number"))
      found[`input_axis${i}`] = numbers(axis.places, axis.name, axis.unit);
  if (meta.tokens) found.tokens = texts(meta.tokens, "token");
  return { ...found, ...(await overNumbers(sample, chosenModel, meta)) };
}

/** What is drawn over the input: boxes and masks that are found, and those that are known. */
async function overNumbers(sample, chosenModel, meta) {
  if (!chosenModel.drawn_over) return {};
  const [found, known] = await Promise.all([
    loadFound(chosenModel, sample),
    loadKnown(chosenModel, sample, meta.truth),
  ]);
  const parts = Object.entries({ found, true: known }).filter(([, laid]) => laid);
  return Object.assign({}, ...parts.map(([name, laid]) => laidNumbers(name, laid, axesOf(meta, meta.shape))));
}

function laidNumbers(name, { marks, mask, names }, axes) {
  if (mask)
    return {
      [`${name}_mask`]: named(mask, axes.slice(0, mask.shape.length), `class, a number of ${name}_classes`),
      [`${name}_classes`]: texts(names, "class"),
    };
  const [length = 0] = marks.map(({ box }) => box.length);
  const values = marks.flatMap(({ box }) => box);
  return {
    [`${name}_boxes`]: { ...numbers(values, ""), shape: [marks.length, length], axes: ["box", "side"] },
    [`${name}_box_classes`]: texts(
      marks.map((mark) => mark.name),
      "box",
    ),
    [`${name}_box_scores`]: numbers(
      marks.map(({ score }) => score),
      "box",
      "score",
    ),
  };
}

/** What the model answers. */
export async function predictionNumbers() {
  const { sample, chosenModel } = chosen();
  const found = await getJson(`${samplePath(chosenModel.id, sample)}/prediction`);
  if (found.probabilities)
    return {
      probabilities: numbers(found.probabilities, "class", "probability"),
      classes: texts(found.classes ?? [], "class"),
    };
  const values = found.values.filter(({ values: all }) => all);
  return Object.fromEntries(
    values.map(({ name, shape, values: all }) => [
      name,
      { ...numbers(all, name), shape, axes: shape.map((_, i) => `axis ${i}`) },
    ]),
  );
}

/** The maps of a layer, as they are. */
export async function mapNumbers({ sample, chosenModel, chosenLayer } = chosen()) {
  const array = await getArray(`${samplePath(chosenModel.id, sample, chosenLayer)}/maps.npy`, { exact: 1 });
  return { maps: named(array, mapAxes(array.shape.length), `output of ${chosenLayer.name}`) };
}

/** The maps of two sides, and A minus B where their shapes agree. */
export async function differenceNumbers(a, b) {
  const [{ maps: first }, { maps: second }] = await Promise.all([mapNumbers(a), mapNumbers(b)]);
  const found = { a: first, b: second };
  if (`${first.shape}` === `${second.shape}`)
    found.difference = {
      ...first,
      data: Float32Array.from(first.data, (value, i) => value - second.data[i]),
      unit: "A minus B",
    };
  return found;
}

/** One position taken apart. */
export async function positionNumbers() {
  const { sample, chosenModel, chosenLayer } = chosen();
  const { c, at } = store.selection;
  const path = `${samplePath(chosenModel.id, sample, chosenLayer)}/position`;
  const found = await getJson(path, { channel: c, at: at?.join(",") });
  const arrays = {};
  for (const name of ["patch", "kernel", "products"])
    if (found[name])
      arrays[name] = { ...numbers(found[name], ""), shape: found.shape, axes: patchAxes(found.shape) };
  for (const name of ["sum", "bias", "before", "value", "recorded"]) arrays[name] = scalar(found[name]);
  return arrays;
}

function patchAxes(shape) {
  return [...mapAxes(shape.length).slice(1), "channel read"];
}

/** The kernels of the layer. */
export async function kernelNumbers() {
  if (!layer()?.parameters) return {};
  const array = await getArray(`${layerPath(model().id, layer())}/kernels.npy`);
  const axes = [...mapAxes(array.shape.length - 1).slice(1), "channel read", "kernel"];
  return { kernels: named(array, axes, "weight") };
}

/** An attribution of the sample. */
export async function attributionNumbers(method, query) {
  const { sample, chosenModel } = chosen();
  const path = samplePath(chosenModel.id, sample);
  const array = await getArray(`${path}/why.npy`, query);
  const about = await getJson(`${path}/why.json`, query);
  const of = about.name ?? `output ${about.class}`;
  return {
    [method]: named(
      array,
      array.shape.map((_, i) => `axis ${i}`),
      `attribution to ${of}`,
    ),
  };
}

/** Losses and metrics by epoch. */
export async function trainingNumbers() {
  const { epochs, series } = await getJson(`api/models/${model().id}/history`);
  if (!epochs.length) return {};
  const columns = Object.entries(series).map(([name, values]) => [name, numbers(values, "epoch")]);
  return { epoch: numbers(epochs, "epoch"), ...Object.fromEntries(columns) };
}

/** Labels against predictions; of two runs both, and the first minus the second. */
export function confusionNumbers({ matrix, classes }, minus) {
  const counted = (values) => ({
    data: values,
    shape: [classes.length, classes.length],
    dtype: "i4",
    axes: ["label", "prediction"],
    unit: "samples",
  });
  const own = matrix.flat();
  const other = minus?.flat();
  return {
    matrix: counted(own),
    ...(other && { minus: counted(other), difference: counted(own.map((value, i) => value - other[i])) }),
    classes: texts(classes, "class"),
  };
}

/** The places that excite a channel most. */
export function patchNumbers({ patches }) {
  return {
    value: numbers(
      patches.map(({ value }) => value),
      "patch",
    ),
    sample: texts(
      patches.map(({ name }) => name),
      "patch",
    ),
    position: texts(
      patches.map(({ at }) => at.join(",")),
      "patch",
    ),
    field: texts(
      patches.map(({ field }) => (field ?? []).map((ends) => ends.join(":")).join(",")),
      "patch",
    ),
  };
}

/** The samples on a plane. */
export function projectionNumbers({ array, about }) {
  return {
    points: named(array, ["sample", "component"]),
    sample: texts(about.ids, "sample"),
    label: texts(about.labels, "sample"),
    predicted: texts(about.predicted, "sample"),
    split: texts(about.splits, "sample"),
  };
}

/** The samples of the list. */
export function sampleNumbers({ rows }) {
  return {
    sample: texts(
      rows.map(({ id }) => id),
      "sample",
    ),
    name: texts(
      rows.map(({ name }) => name),
      "sample",
    ),
    split: texts(
      rows.map(({ split }) => split),
      "sample",
    ),
    label: texts(
      rows.map(({ label }) => className(label)),
      "sample",
    ),
    predicted: texts(
      rows.map(({ predicted }) => className(predicted)),
      "sample",
    ),
    confidence: numbers(
      rows.map(({ confidence }) => confidence),
      "sample",
      "probability",
    ),
  };
}

/**
 * All that is selected, by panel: `maps/maps`, `position/sum`; and which panels have no numbers, as the server refuses them or a
 * saved page does not hold them: a layer without kernels, a model without a history.
 * @returns {Promise<{arrays: Object<string, Named>, leftOut: string[]}>}
 */
export async function wholeNumbers() {
  const { c, at, why } = store.selection;
  const { sample, chosenLayer } = chosen();
  const topics = { model: modelNumbers, kernels: kernelNumbers, training: trainingNumbers };
  if (sample !== undefined) {
    Object.assign(topics, { input: inputNumbers, prediction: predictionNumbers });
    if (chosenLayer?.maps) topics.maps = mapNumbers;
    if (topics.maps && c !== undefined && at) topics.position = positionNumbers;
    for (const [method, numbersOf] of await attributionsOf(why?.split(",") ?? USUAL))
      topics[`why ${method}`] = numbersOf;
  }
  /** @type {any} */
  const arrays = {};
  const leftOut = [];
  for (const [topic, numbersOf] of Object.entries(topics)) {
    const found = await orNothing(numbersOf);
    if (!found || !Object.keys(found).length) leftOut.push(topic);
    for (const [name, array] of Object.entries(found ?? {}))
      arrays[`${topic.replace(/ .*/, "")}/${name}`] = array;
  }
  return { arrays, leftOut };
}

async function attributionsOf(methods) {
  const { t, at_layer: layerId } = store.selection;
  const known = await getJson(`api/models/${model().id}/methods`);
  return known
    .filter(({ name }) => methods.includes(name))
    .map(({ name, layer: takesLayer }) => {
      const query = { method: name, class: t, layer: takesLayer ? layerId : null };
      return [name, () => attributionNumbers(name, query)];
    });
}

/** Arrays, or null where there are none for this layer or model. */
async function orNothing(numbersOf) {
  try {
    return await numbersOf();
  } catch (error) {
    if (error instanceof ApiError && error.status) return null;
    throw error;
  }
}

function chosen() {
  return { sample: store.selection.s, chosenModel: model(), chosenLayer: layer() };
}
