// The sample as the model sees it, drawn by its kind's own element, with what the shown position depends on lit up.

import { getArray, getJson } from "../api.js";
import { fieldAt, loadField, samplePath, sideOf } from "../catalog.js";
import { Panel, Resource, problem } from "../element.js";
import { number, percent, plural } from "../format.js";
import { loadModule } from "../modules.js";
import { inputNumbers } from "../numbers.js";
import { loadFound, loadKnown, overInput, overInputBar, shareWrong } from "../over-input.js";
import { saved } from "../saved.js";
import { store } from "../store.js";
import { html, nothing } from "../vendor/lit.js";
import "./own-input.js";
import "./plain-input.js";
import { saveMenu } from "./save-menu.js";

/** Milliseconds for which the pointer rests before something is asked for what is under it. */
export const REST = 60;

const elements = new Map();

/** The name of the element that draws the inputs of a model; the plain one where its kind has none. */
export function inputElement({ element, script }) {
  if (!element || !script) return Promise.resolve("cs-input-plain");
  if (!elements.has(element)) {
    const loaded = loadModule(script).then(() => element);
    elements.set(element, loaded);
  }
  return elements.get(element);
}

/** A sample as it is drawn, and the element that draws it. */
export async function loadInput(sample, chosen, signal) {
  const path = `api/samples/${sample}`;
  const [meta, array, element] = await Promise.all([
    getJson(`${path}/input.json`, { m: chosen.id }, signal),
    getArray(`${path}/input.npy`, { m: chosen.id }, signal),
    inputElement(chosen),
  ]);
  return { meta, arrays: { input: array }, element };
}

class InputPanel extends Panel {
  static properties = { side: { type: String }, drawing: { state: true } };

  #input = new Resource(this);
  #where = new Resource(this);
  #effective = new Resource(this);
  #rest = null;
  #timer = 0;
  #found = new Resource(this);
  #known = new Resource(this);
  #over = { key: "", value: null };
  #element = null;

  render() {
    const { chosenModel: m, sample: s, chosenLayer: chosen } = sideOf(this.side);
    this.#input.of(s === undefined ? null : `${m.id} ${s}`, (signal) => loadInput(s, m, signal));
    this.#where.of(chosen && s !== undefined ? `${m.id} ${s} ${chosen.id}` : null, (signal) =>
      loadField(m.id, s, chosen, signal),
    );
    this.#found.of(m.drawn_over && s !== undefined ? `${m.id} ${s}` : null, (signal) => loadFound(m, s, signal));
    this.#askEffective(m, s, chosen);
    const meta = s === undefined ? m.blank : this.#input.value?.meta;
    const truth = this.#input.ready ? meta?.truth : null;
    this.#known.of(truth ? `${m.id} ${s}` : null, (signal) => loadKnown(m, s, truth, signal));
    return html` <header class="panel-head">
        <h2>Input</h2>
        <p class="muted">
          ${s === undefined ? "none yet: give one of your own" : this.#input.busy && !meta ? "reading…" : meta ? [meta.name, meta.split].filter(Boolean).join(", ") : nothing}
        </p>
        ${
          saved || this.side || !chosen?.maps
            ? nothing
            : html`<button
                class="quiet"
                aria-pressed=${this.weighs}
                title="How much each part of the input really moves the value: the size of the derivative, before the activation"
                @click=${() => store.select({ weigh: this.weighs ? null : "1" })}
              >
                Effective field
              </button>`
        }
        ${meta && s !== undefined ? saveMenu(this, `input ${meta.name}`, () => inputNumbers(sideOf(this.side))) : nothing}
      </header>
      ${problem(this.#input.error ?? this.#effective.error ?? this.#known.error)}
      <div class="input-place" ?hidden=${Boolean(this.drawing)}></div>
      ${m.drawn_over && s !== undefined ? this.#overBar() : nothing}
      <p class="readout"></p>
      ${this.weighs ? html`<p class="muted">${this.#aboutEffect()}</p>` : nothing}
      ${meta && !this.side && !saved && (m.accepts.length || m.inputs.length === 1) ? html`<cs-own-input .accepts=${m.accepts} .meta=${meta} @cs-drawing=${(event) => (this.drawing = event.detail)}></cs-own-input>` : nothing}`;
  }

  updated() {
    const input = this.#input.value;
    const place = this.querySelector(".input-place");
    if (!input) {
      place.replaceChildren();
      this.#element = null;
      return;
    }
    if (this.#element?.localName !== input.element) {
      this.#element = document.createElement(input.element);
      this.#element.addEventListener("cs-pick", (event) => this.#pick(event.detail.position));
      place.replaceChildren(this.#element);
    }
    if (this.#element.meta !== input.meta)
      Object.assign(this.#element, { meta: input.meta, arrays: input.arrays });
    this.#element.over = this.#overInput();
    this.hovered();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  /** What is drawn over the input; the same one as long as it does not change. */
  #overInput() {
    const [found, known] = [this.#found, this.#known].map((each) => (each.ready ? each.value : null));
    const { m, s, over } = this.selection;
    const key = `${m} ${s} ${over} ${Boolean(found)} ${Boolean(known)} ${sideOf(this.side).chosenModel.id}`;
    if (key !== this.#over.key) this.#over = { key, value: overInput(found, known) };
    return this.#over.value;
  }

  #overBar() {
    const [found, known] = [this.#found, this.#known].map((each) => (each.ready ? each.value : null));
    const wrong = shareWrong(found, known, this.#input.value?.meta.distinct);
    const where = wrong ? `${percent(wrong)} of the positions` : "no position";
    return html`${overInputBar(found, known, this.#input.value?.meta.media)}
    ${wrong === null ? nothing : html`<p class="muted">Another class than the true one is found at ${where}.</p>`}`;
  }

  /** Whether the effective field is shown beside the theoretical one. */
  get weighs() {
    return !saved && !this.side && this.selection.weigh === "1";
  }

  /** How much each part of the input moves the shown value, and where nearly all of that lies. */
  get effective() {
    return this.#effective.ready ? this.#effective.value : null;
  }

  /** Asks for the effective field of the value under the pointer, once it rests, or else of the chosen one. */
  #askEffective(m, s, chosen) {
    const { c, at } = this.selection;
    const { channel, at: place } = this.#rest ?? { channel: c, at };
    const fits = chosen && channel !== undefined && place?.length === chosen.lengths.length;
    if (!this.weighs || s === undefined || !fits) return this.#effective.of(null);
    const path = `${samplePath(m.id, s, chosen)}/effective`;
    const query = { channel, at: place.join(",") };
    return this.#effective.of(`${path} ${channel} ${place}`, async (signal) => ({
      array: await getArray(`${path}.npy`, query, signal),
      about: await getJson(`${path}.json`, query, signal),
    }));
  }

  get #layer() {
    return sideOf(this.side).chosenLayer;
  }

  /** What the shown position depends on, per axis of the input. */
  get field() {
    const { c, at, l } = this.selection;
    const chosen = this.#layer;
    const { hover } = store;
    const shown = hover && hover.layer === l ? hover.at : c !== undefined && at;
    const fits = chosen && shown && shown.length === chosen.lengths.length;
    return fits ? fieldAt(this.#where.value, shown) : null;
  }

  hovered() {
    if (this.weighs) this.#wait();
    const lengths = this.#input.value?.meta.axes.map(({ length }) => length).join();
    const overlay = this.effective?.array.shape.join() === lengths ? this.effective.array : null;
    if (this.#element)
      Object.assign(this.#element, { hops: this.#layer?.hops ?? 0, field: this.field, overlay });
    this.querySelector(".readout").textContent = this.#about();
  }

  /** Where nearly all of what moves the shown value lies. */
  #aboutEffect() {
    if (this.#effective.error) return nothing;
    const { effective } = this;
    if (!effective) return this.#effective.busy ? "computing…" : "Point at a map for its effective field.";
    const { spans, share, largest, before } = effective.about;
    if (!largest) return "Nothing of the input moves the value here.";
    const axes = this.#input.value?.meta.axes ?? [];
    const parts = spans.map(([start, stop], axis) => {
      const name = axes[axis]?.name ?? `axis ${axis}`;
      return stop - start > 1 ? `${name} ${start}–${stop - 1}` : `${name} ${start}`;
    });
    return `${Math.round(100 * share)} % of what moves ${before ? "its sum" : "it"}: ${parts.join(", ")}.`;
  }

  #wait() {
    clearTimeout(this.#timer);
    const { hover } = store;
    const rest = hover?.layer === this.selection.l ? hover : null;
    if (JSON.stringify(rest) === JSON.stringify(this.#rest)) return;
    this.#timer = setTimeout(() => {
      this.#rest = rest;
      this.requestUpdate();
    }, REST);
  }

  #about() {
    const chosen = this.#layer;
    if (!chosen || !this.#where.value) return "";
    if (!this.#where.value.known) return `What ${chosen.name} depends on is not known.`;
    if (chosen.everything) return `Each value of ${chosen.name} depends on the whole input.`;
    const { field } = this;
    const size = chosen.receptive_field?.map((length) => length ?? "?").join("\u00d7");
    const stride = chosen.stride?.map((step) => (step === null ? "\u2013" : number(step))).join("\u00d7");
    if (!field && chosen?.hops) return `A node sees all within ${plural(chosen.hops, "step")} of it.`;
    if (!field) return size ? `A position sees ${size} of the input, stride ${stride}.` : "";
    if (field.some(([start, stop]) => stop <= start)) return "It sees nothing of the input.";
    const { axes = [], graph } = this.#input.value?.meta ?? {};
    const spans = field.map(([start, stop], axis) => {
      const name = axes[axis]?.name ?? `axis ${axis}`;
      if (graph && stop - start === 1) return `${name} ${graph.names[start] ?? start}`;
      return stop - start > 1 ? `${name} ${start}–${stop - 1}` : `${name} ${start}`;
    });
    const hops = chosen.hops ? ` and all within ${plural(chosen.hops, "step")} of it` : "";
    return `It sees ${spans.join(", ")}${hops}.`;
  }

  /** Chooses the position of the layer in the middle of whose field a place of the input lies. */
  #pick(position) {
    const where = this.#where.value;
    const chosen = this.#layer;
    if (!where?.known || !chosen?.lengths.length) return;
    const at = chosen.lengths.map((length) => Math.floor(length / 2));
    where.axes.forEach(({ axis: along, whole, starts, stops }, axis) => {
      if (along === null || whole || position[axis] === undefined) return;
      const away = starts.map((start, i) =>
        stops[i] > start ? Math.abs((start + stops[i] - 1) / 2 - position[axis]) : Infinity,
      );
      at[along] = away.indexOf(Math.min(...away));
    });
    store.select({ at, c: this.selection.c ?? 0 });
  }
}

customElements.define("cs-input", InputPanel);
