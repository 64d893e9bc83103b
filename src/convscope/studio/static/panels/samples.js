// The samples, with what they are labeled and what the model answers; a click inspects one.

import { freshJson } from "../api.js";
import { chosenModels, className, classNames, model, predictsClasses, studioState } from "../catalog.js";
import { Panel, Resource, problem } from "../element.js";
import { count, percent, plural } from "../format.js";
import { sampleNumbers } from "../numbers.js";
import { store } from "../store.js";
import { thumbnailOf } from "../thumbnail.js";
import { html, nothing, repeat } from "../vendor/lit.js";
import { saveMenu } from "./save-menu.js";

const PAGE = 120;
const FILTERS = ["split", "label", "predicted", "mistake", "text", "low", "high", "differs"];

/** What the list of samples is asked for, as the server takes it. */
export function filtersOf(selection) {
  const found = Object.fromEntries(FILTERS.map((name) => [name, selection[name]]));
  const other = chosenModels()[1];
  return { ...found, differs: found.differs && other ? other.id : null, m: model().id };
}

class Samples extends Panel {
  static properties = { shown: { state: true } };

  #rows = new Resource(this);

  constructor() {
    super();
    this.shown = PAGE;
  }

  /** The filters as the server takes them. */
  get filters() {
    return filtersOf(this.selection);
  }

  render() {
    const query = {
      ...this.filters,
      from: 0,
      count: this.shown,
      predict: predictsClasses(model()) && model().classes ? 1 : null,
    };
    const found = this.#rows.of(JSON.stringify(query), (signal) => freshJson("api/samples", query, signal));
    return html`<header class="panel-head">
        <h2>Samples</h2>
        <p class="muted">
          ${found ? `${count(found.total)} of ${plural(studioState().data.count, "sample")}` : nothing}
        </p>
        ${found ? saveMenu(this, "samples", () => sampleNumbers(found)) : nothing}
      </header>
      ${this.#controls()} ${problem(this.#rows.error)} ${found ? this.#list(found) : nothing}`;
  }

  #controls() {
    const { data } = studioState();
    const { split, label, predicted, mistake, text = "", low, high, differs } = this.selection;
    const other = chosenModels()[1];
    const choose = (changes) => {
      this.shown = PAGE;
      store.select(changes, false);
    };
    const options = (values, chosen, any) =>
      html`<option value="">${any}</option>
        ${values.map(([value, name]) => html`<option value=${value} ?selected=${String(value) === String(chosen)}>${name}</option>`)}`;
    const named = predictsClasses(model()) ? classNames().map((name, number) => [number, name]) : [];
    const filtered = FILTERS.some((name) => ![undefined, null, ""].includes(this.selection[name]));
    const end = (name, value, otherwise, text) =>
      html`<input
        type="number"
        min="0"
        max="100"
        step="1"
        aria-label=${text}
        placeholder=${otherwise}
        .value=${value === undefined || value === null ? "" : String(Math.round(100 * value))}
        @change=${({ target }) => choose({ [name]: target.value === "" ? null : Math.max(0, Math.min(100, target.value)) / 100 })}
      />`;
    return html`<div class="bar" role="search">
      <input
        type="search"
        placeholder="Search names"
        aria-label="Search names"
        .value=${text}
        @input=${(event) => choose({ text: event.target.value })}
      />
      <select aria-label="Split" @change=${(event) => choose({ split: event.target.value })}>
        ${options(
          data.splits.map((name) => [name, name]),
          split,
          "all splits",
        )}
      </select>
      ${
        named.length
          ? html`<select aria-label="Label" @change=${(event) => choose({ label: event.target.value })}>
                ${options(named, label, "any label")}
              </select>
              <select aria-label="Predicted" @change=${(event) => choose({ predicted: event.target.value })}>
                ${options(named, predicted, "any prediction")}
              </select>
              <label
                ><input
                  type="checkbox"
                  .checked=${Boolean(mistake)}
                  @change=${(event) => choose({ mistake: event.target.checked ? "1" : null })}
                />
                mistakes only</label
              >
              <span class="ends muted"
                >confidence ${end("low", low, "0", "Least confidence in percent")} to
                ${end("high", high, "100", "Most confidence in percent")} %</span
              >
              ${
                other && predictsClasses(other)
                  ? html`<label
                      ><input
                        type="checkbox"
                        .checked=${Boolean(differs)}
                        @change=${(event) => choose({ differs: event.target.checked ? "1" : null })}
                      />
                      ${other.name} predicts another class</label
                    >`
                  : nothing
              }`
          : nothing
      }
      ${filtered ? html`<button class="quiet" @click=${() => choose(Object.fromEntries(FILTERS.map((name) => [name, null])))}>Clear</button>` : nothing}
    </div>`;
  }

  #list({ rows, total }) {
    if (!rows.length) return html`<p class="muted">No sample is left by these filters.</p>`;
    return html`<ul class="sample-list">
        ${repeat(
          rows,
          ({ id }) => id,
          (row) => this.#sample(row),
        )}
      </ul>
      ${total > rows.length ? html`<button class="plain" @click=${() => (this.shown += 2 * PAGE)}>Show more of ${count(total - rows.length)}</button>` : nothing}`;
  }

  #sample({ id, name, label, predicted, confidence, beside, beside_confidence: sure }) {
    const known = predicted !== null;
    const wrong = known && label !== null && predicted !== label;
    return html`<li>
      <button
        class="sample ${wrong ? "wrong" : ""}"
        aria-current=${String(id) === String(this.selection.s)}
        @click=${() => store.select({ s: id, view: "inspect" })}
      >
        ${thumbnailOf(id)}
        <span class="sample-file" title=${name}>${name}</span>
        <span class="muted"
          >${className(label)}${known ? html` → <b>${className(predicted)}</b> ${percent(confidence)}` : nothing}${
            beside === null ? nothing : html`; ${chosenModels()[1]?.name}: <b>${className(beside)}</b> ${percent(sure)}`
          }</span
        >
      </button>
    </li>`;
  }
}

customElements.define("cs-samples", Samples);
