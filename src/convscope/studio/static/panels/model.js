// The network as a drawing: one row for each layer, lines for what skips layers, repeated blocks folded.

import { baseOf, chosenModels, layer, layersOf, model, studioState } from "../catalog.js";
import { Panel } from "../element.js";
import { brief, count, plural, shape } from "../format.js";
import { modelNumbers } from "../numbers.js";
import { store } from "../store.js";
import { html, nothing } from "../vendor/lit.js";
import { saveMenu } from "./save-menu.js";
import { drawLinks, linksOf } from "./model-links.js";

const MEASURES = { parameters: "parameters", multiply_adds: "multiply-adds", field: "receptive field" };
const FOLD_ABOVE = 36;

class ModelPanel extends Panel {
  static properties = { text: { state: true }, open: { state: true }, measure: { state: true } };

  constructor() {
    super();
    this.text = "";
    this.open = new Set();
    this.measure = "parameters";
  }

  render() {
    const m = model();
    const found = layersOf(m?.id);
    if (!found) return nothing;
    const rows = this.#rows(found);
    const links = linksOf(rows.map(({ names, inputs }) => ({ names, inputs })));
    const most = Math.max(
      1,
      ...found.layers.filter((each) => each.kind !== "group").map((each) => this.#amount(each)),
    );
    return html` <header class="panel-head">
        <h2>Model</h2>
        ${saveMenu(this, "model", modelNumbers)}
        <p class="muted">
          ${plural(found.layers.filter((each) => each.kind !== "group").length, "layer")},
          ${brief(total(found.layers))} parameters
        </p>
      </header>
      ${studioState().models.length > 1 ? this.#modelChoice() : nothing}
      <div class="bar">
        <input
          type="search"
          placeholder="Search layers"
          aria-label="Search layers"
          .value=${this.text}
          @input=${(event) => (this.text = event.target.value)}
        />
        <select aria-label="What the bars show" @change=${(event) => (this.measure = event.target.value)}>
          ${Object.entries(MEASURES).map(([name, text]) => html`<option value=${name} ?selected=${name === this.measure}>${text}</option>`)}
        </select>
      </div>
      <div class="network" @keydown=${(event) => this.#key(event, rows)}>
        ${drawLinks(links, rows.length)}
        <ol aria-label="Layers of ${m.name}">
          ${rows.map((row) => this.#row(row, most))}
        </ol>
      </div>`;
  }

  #modelChoice() {
    const chosen = chosenModels().map(({ id }) => baseOf(id));
    return html`<label class="bar"
      >Run
      <select @change=${(event) => store.select({ m: [event.target.value, ...chosen.slice(1)] })}>
        ${studioState().models.map(({ id, name }) => html`<option value=${id} ?selected=${id === chosen[0]}>${name}</option>`)}
      </select></label
    >`;
  }

  /** Rows as they are drawn: the inputs, layers, and folded blocks in place of theirs. */
  #rows({ layers, inputs, series }) {
    const wanted = this.text.trim().toLowerCase();
    const shown = layers.filter((each) => each.kind !== "group");
    if (wanted) {
      const found = shown.filter((each) => `${each.name} ${each.type}`.toLowerCase().includes(wanted));
      return found.map((each) => ({ layer: each, names: [each.id], inputs: [] }));
    }
    const rows = inputRows(inputs);
    const folded = new Map();
    series.forEach(({ blocks }, number) =>
      blocks.forEach(({ ids, name }, b) =>
        ids.forEach((id) => folded.set(id, { key: `${number}.${b}`, ids, name, b, of: blocks.length })),
      ),
    );
    const fold = shown.length > FOLD_ABOVE;
    let last = null;
    for (const each of shown) {
      const block = folded.get(each.id);
      const open = block && this.#isOpen(block, fold);
      if (block && block.key !== last) rows.push(blockRow(block, layers, open));
      last = block?.key ?? null;
      if (!block || open)
        rows.push({ layer: each, names: [each.id], inputs: each.inputs, inside: block?.name });
    }
    return rows;
  }

  #isOpen({ key, ids }, fold) {
    if (this.open.has(key)) return true;
    if (this.open.has(`-${key}`)) return false;
    return !fold || ids.includes(layer()?.id);
  }

  #toggle({ key }, open) {
    const next = new Set(this.open);
    next.delete(open ? key : `-${key}`);
    next.add(open ? `-${key}` : key);
    this.open = next;
  }

  #amount(each) {
    if (this.measure === "field") return Math.max(0, ...(each.receptive_field ?? []).filter(Number.isFinite));
    return each[this.measure] ?? 0;
  }

  #row(row, most) {
    if (row.input) {
      return html`<li class="row input-row">
        <span class="glyph" data-role="input"></span><span class="name">${row.input.name}</span
        ><span class="shape">${row.input.shape ? shape(row.input.shape) : ""}</span>
      </li>`;
    }
    if (row.block) {
      return html`<li class="row block-row">
        <button aria-expanded=${row.open} @click=${() => this.#toggle(row.block, row.open)}>
          <span class="fold" aria-hidden="true">${row.open ? "▾" : "▸"}</span
          ><span class="name">${row.title}</span
          ><span class="shape">${plural(row.block.ids.length, "layer")}</span>
        </button>
      </li>`;
    }
    return this.#layerRow(row.layer, row.inside, most);
  }

  #layerRow(each, inside, most) {
    const chosen = each.name === this.selection.l;
    const amount = this.#amount(each);
    const name =
      inside && each.short.startsWith(`${inside}_`) ? each.short.slice(inside.length + 1) : each.short;
    return html`<li>
      <button
        class="row layer-row ${inside === undefined ? "" : "inside"}"
        aria-current=${chosen}
        id=${`layer-${each.id}`}
        @click=${() => selectLayer(each)}
      >
        <span class="glyph" data-role=${roleOf(each)}></span>
        <span class="line">
          <span class="name" title=${each.name}>${name}</span>
          <span class="amount">${amount ? this.#measured(each) : ""}</span>
        </span>
        <span class="line"
          ><span class="type">${each.type}</span><span class="shape">${shape(each.shape)}</span></span
        >
        <meter min="0" max="1" .value=${amount / most} aria-hidden="true"></meter>
      </button>
    </li>`;
  }

  #measured(each) {
    if (this.measure === "field") return each.receptive_field.map((length) => length ?? "?").join("\u00d7");
    return this.measure === "parameters" ? count(each.parameters) : brief(each.multiply_adds);
  }

  #key(event, rows) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const shown = rows.filter((row) => row.layer).map((row) => row.layer);
    const at = shown.findIndex((each) => each.name === this.selection.l);
    const next = shown[Math.max(0, Math.min(shown.length - 1, at + step))];
    if (!next) return;
    selectLayer(next);
    this.updateComplete.then(() => this.querySelector(`#layer-${next.id}`)?.focus());
  }

  updated() {
    const chosen = layer();
    if (chosen === this.revealed) return;
    this.revealed = chosen;
    this.querySelector(`#layer-${chosen?.id}`)?.scrollIntoView({ block: "nearest" });
  }
}

/** Selects a layer; channel and position stay where they fit. */
export function selectLayer(chosen) {
  const { c, at } = store.selection;
  const fits =
    at?.length === chosen.lengths.length &&
    at.every((part, axis) => part < (chosen.lengths[axis] ?? Infinity));
  store.select({
    l: chosen.name,
    c: c < chosen.channels ? c : undefined,
    at: fits && c < chosen.channels ? at : undefined,
  });
}

/** A row for each input; one for all where there are many. */
function inputRows(inputs) {
  if (inputs.length <= 3) return inputs.map((input) => ({ input, names: [input.name], inputs: [] }));
  const names = inputs.map(({ name }) => name);
  return [{ input: { name: `${names.length} inputs: ${names.join(", ")}`, shape: null }, names, inputs: [] }];
}

function blockRow(block, layers, open) {
  const first = layers.find(({ id }) => id === block.ids[0]);
  const title = block.name || `Block ${block.b + 1} of ${block.of}`;
  return open
    ? { block, open, title, names: [], inputs: [] }
    : { block, open, title, names: block.ids, inputs: first?.inputs ?? [] };
}

function total(layers) {
  return layers.reduce((sum, { parameters, kind }) => sum + (kind === "group" ? 0 : parameters), 0);
}

/** @type {[RegExp, string][]} */
const ROLES = [
  [/conv/i, "convolution"],
  [/pool/i, "pooling"],
  [/norm/i, "normalization"],
  [/dense|embedding|lstm|gru|attention/i, "dense"],
];

function roleOf({ type, parameters }) {
  return ROLES.find(([pattern]) => pattern.test(type))?.[1] ?? (parameters ? "dense" : "other");
}

customElements.define("cs-model", ModelPanel);
