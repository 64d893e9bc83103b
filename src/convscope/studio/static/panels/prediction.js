// What the model answers for the sample.

import { getJson } from "../api.js";
import { className, model, samplePath } from "../catalog.js";
import { Panel, Resource, problem, styled } from "../element.js";
import { number, percent, shape } from "../format.js";
import { predictionNumbers } from "../numbers.js";
import { store } from "../store.js";
import { html, nothing } from "../vendor/lit.js";
import { saveMenu } from "./save-menu.js";

const SHOWN = 10;
const MOST_VALUES = 12;
const MOST_ROWS = 50;

class Prediction extends Panel {
  #prediction = new Resource(this);

  /** The answer as the server gave it. */
  get prediction() {
    return this.#prediction.value;
  }

  render() {
    const { s } = this.selection;
    const m = model();
    const path = s === undefined ? null : `${samplePath(m.id, s)}/prediction`;
    const found = this.#prediction.of(path, (signal) => getJson(path, {}, signal));
    return html`<header class="panel-head">
        <h2>Prediction</h2>
        <p class="muted">${this.#prediction.busy && !found ? "computing…" : nothing}</p>
        ${found ? saveMenu(this, `prediction sample ${s}`, predictionNumbers) : nothing}
      </header>
      ${problem(this.#prediction.error)} ${found?.probabilities ? this.#bars(found) : nothing}
      ${found && !found.probabilities ? this.#values(found) : nothing}`;
  }

  /** What is no probability of classes: as the run says it, or else as the model puts it out. */
  #values({ cells, values, label }) {
    if (cells.length > 1) return this.#listed(cells);
    const rows = cells.length
      ? Object.entries(cells[0]).filter(([, value]) => value !== "")
      : values.map(({ name, shape: lengths, values: all }) => [
          name,
          all && all.length <= MOST_VALUES ? all.map((value) => number(value, 4)).join(", ") : shape(lengths),
        ]);
    return html`<table class="facts">
      ${rows.map(
        ([name, value]) =>
          html`<tr>
            <th scope="row">${name}</th>
            <td>${value}</td>
          </tr>`,
      )}
      ${
        label === null
          ? nothing
          : html`<tr>
              <th scope="row">labeled</th>
              <td>${className(label)}</td>
            </tr>`
      }
    </table>`;
  }

  /** Several answers for one sample, such as the boxes that were found in it. */
  #listed(cells) {
    const names = Object.keys(cells[0]);
    return html`<div class="table-scroll">
      <table class="facts listed">
        <thead>
          <tr>
            ${names.map((name) => html`<th scope="col">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${cells.slice(0, MOST_ROWS).map(
            (each) =>
              html`<tr>
                ${names.map((name) => html`<td>${each[name] ?? ""}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
      ${cells.length > MOST_ROWS ? html`<p class="muted">The first ${MOST_ROWS} of ${cells.length}.</p>` : nothing}
    </div>`;
  }

  #bars({ classes, probabilities, label }) {
    const order = probabilities.map((_, index) => index).sort((a, b) => probabilities[b] - probabilities[a]);
    const shown = classes?.length <= SHOWN + 2 ? order.toSorted((a, b) => a - b) : order.slice(0, SHOWN);
    const best = order[0];
    const right = label === null ? "" : label === best ? ", right" : `, labeled ${className(label, classes)}`;
    return html`<p class="answer">
        <strong>${className(best, classes)}</strong>
        <span class="muted">${percent(probabilities[best])}${right}</span>
      </p>
      <ol
        class="bars"
        ${styled({ "--name": `${Math.min(18, Math.max(2, ...shown.map((index) => className(index, classes).length + 2)))}ch` })}
        aria-label="Probability of each class"
      >
        ${shown.map((index) => this.#bar(className(index, classes), probabilities[index], index, index === best, index === label))}
      </ol>
      ${shown.length < order.length ? html`<p class="muted">${order.length - shown.length} more classes</p>` : nothing}`;
  }

  #bar(name, probability, index, best, labeled) {
    const target = this.selection.t === index;
    return html`<li class=${best ? "best" : ""}>
      <button
        class="bar-row"
        aria-pressed=${target}
        title="Explain this class"
        @click=${() => store.select({ t: target ? null : index })}
      >
        <span class="bar-name"
          >${name}${labeled ? html`<span class="tick" title="its label" aria-label="its label">●</span>` : nothing}</span
        >
        <span class="bar-track"
          ><span class="bar-fill" ${styled({ width: `${100 * probability}%` })}></span
        ></span>
        <span class="bar-value">${percent(probability)}</span>
      </button>
    </li>`;
  }
}

customElements.define("cs-prediction", Prediction);
