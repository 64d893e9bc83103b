// Labels against predictions; a click on a cell filters the samples. Two runs are subtracted.

import { getJson } from "../api.js";
import { chosenModels, predictsClasses } from "../catalog.js";
import { cssColor, inkOn } from "../colors.js";
import { Panel, Resource, problem, styled, theme } from "../element.js";
import { count, percent } from "../format.js";
import { confusionNumbers } from "../numbers.js";
import { store } from "../store.js";
import { html, nothing } from "../vendor/lit.js";
import { saveMenu } from "./save-menu.js";

/** A matrix with its classes in another order; null where they are not the same. */
export function inOrder({ classes, matrix }, wanted) {
  const places = wanted.map((name) => classes.indexOf(name));
  if (places.includes(-1) || classes.length !== wanted.length) return null;
  return places.map((i) => places.map((j) => matrix[i][j]));
}

class Confusion extends Panel {
  #matrix = new Resource(this);
  #other = new Resource(this);

  render() {
    const [m, other] = chosenModels().map((each) => ({
      ...each,
      counted: predictsClasses(each) && each.classes,
    }));
    const { split } = this.selection;
    const load = (id) => (signal) => getJson(`api/models/${id}/confusion`, { split: split || "all" }, signal);
    const found = this.#matrix.of(m.counted ? `${m.id} ${split}` : null, load(m.id));
    const second = this.#other.of(other?.counted ? `${other.id} ${split}` : null, load(other?.id));
    const minus = found && this.selection.minus && second ? inOrder(second, found.classes) : null;
    return html`<header class="panel-head">
        <h2>Confusion</h2>
        <p class="muted">${found ? this.#summary(found) : nothing}</p>
        ${found ? saveMenu(this, `confusion ${m.name}`, () => confusionNumbers(found, minus)) : nothing}
      </header>
      ${problem(this.#matrix.error ?? this.#other.error)}
      ${other?.counted ? html`<label class="bar"><input type="checkbox" .checked=${Boolean(this.selection.minus)} @change=${(event) => store.select({ minus: event.target.checked ? "1" : null })} /> minus that of ${other.name}</label>` : nothing}
      ${found && this.selection.minus && second && !minus ? html`<p class="muted">The classes of ${other.name} are other ones: nothing is subtracted.</p>` : nothing}
      ${found ? this.#table(found, minus) : nothing}
      ${found?.note ? html`<p class="muted">${found.note}</p>` : nothing}
      ${!m.counted ? html`<p class="muted">${m.name} predicts no class of each sample, which a matrix could count. Its predictions are in Inspect.</p>` : nothing}`;
  }

  #summary({ matrix, split }) {
    const all = matrix.flat().reduce((a, b) => a + b, 0);
    const right = matrix.reduce((sum, row, i) => sum + row[i], 0);
    return all
      ? `${count(right)} of ${count(all)} right (${percent(right / all)})${split ? `, ${split}` : ""}`
      : "";
  }

  #table({ classes, matrix }, minus) {
    const values = matrix.map((row, i) => row.map((value, j) => value - (minus ? minus[i][j] : 0)));
    const largest = Math.max(1, ...values.flat().map(Math.abs));
    const scale = minus
      ? { low: -largest, high: largest, kind: "diverging" }
      : { low: 0, high: largest, kind: "sequential" };
    return html`<div class="table-scroll">
      <table class="matrix">
        <caption class="muted">
          Rows: label. Columns: prediction.
        </caption>
        <thead>
          <tr>
            <td></td>
            ${classes.map((name) => html`<th scope="col"><span>${name}</span></th>`)}
          </tr>
        </thead>
        <tbody>
          ${values.map(
            (row, i) =>
              html`<tr>
                <th scope="row">${classes[i]}</th>
                ${row.map((value, j) => this.#cell(value, i, j, classes, scale))}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
  }

  #cell(value, i, j, classes, scale) {
    const { label, predicted } = this.selection;
    const chosen = String(label) === String(i) && String(predicted) === String(j);
    const style = value
      ? { background: cssColor(value, scale, theme()), color: inkOn(value, scale, theme()) }
      : {};
    return html`<td>
      <button
        aria-pressed=${chosen}
        aria-label="${classes[i]} predicted as ${classes[j]}: ${value}"
        ${styled(style)}
        @click=${() => store.select(chosen ? { label: null, predicted: null } : { label: i, predicted: j }, false)}
      >
        ${value || ""}
      </button>
    </td>`;
  }
}

customElements.define("cs-confusion", Confusion);
