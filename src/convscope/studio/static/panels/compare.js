// Two runs, samples or layers side by side on one scale; their difference where the shapes agree, or both under a divider.

import { chosenModels, layersOf, loadLayers, sideOf, studioState } from "../catalog.js";
import { Panel } from "../element.js";
import { store } from "../store.js";
import { html, nothing } from "../vendor/lit.js";
import "./difference.js";
import "./input.js";
import "./maps.js";
import "./swipe.js";

const WAYS = { difference: "Difference", swipe: "Swipe" };

class Compare extends Panel {
  static properties = { limits: { state: true } };

  constructor() {
    super();
    this.limits = null;
    this.addEventListener("cs-maps", () => this.#join());
  }

  render() {
    const b = sideOf("b");
    if (!layersOf(b.chosenModel.id)) {
      loadLayers(b.chosenModel.id).then(() => this.requestUpdate());
      return nothing;
    }
    return html` <div class="side">
        ${this.#choice("a")}<cs-input side="a" class="panel"></cs-input
        ><cs-maps side="a" class="panel" .limits=${this.limits}></cs-maps>
      </div>
      <div class="side">
        ${this.#choice("b")}<cs-input side="b" class="panel"></cs-input
        ><cs-maps side="b" class="panel" .limits=${this.limits}></cs-maps>
      </div>
      <div class="side">
        <div class="bar" role="group" aria-label="How the two are compared">
          ${Object.entries(WAYS).map(
            ([name, text]) =>
              html`<button
                class="plain"
                aria-pressed=${name === this.#way}
                @click=${() => store.select({ way: name })}
              >
                ${text}
              </button>`,
          )}
        </div>
        ${
          this.#way === "swipe"
            ? html`<cs-swipe class="panel"></cs-swipe>`
            : html`<cs-difference class="panel"></cs-difference>`
        }
      </div>`;
  }

  updated() {
    this.#join();
  }

  get #way() {
    return this.selection.way in WAYS ? this.selection.way : "difference";
  }

  /** One scale for both sides, since they are looked at together. */
  #join() {
    const [a, b] = ["a", "b"].map((side) => this.querySelector(`cs-maps[side="${side}"]`)?.own);
    if (!a || !b) return;
    const limits = { low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) };
    if (limits.low !== this.limits?.low || limits.high !== this.limits?.high) this.limits = limits;
    this.querySelector("cs-difference")?.show(a, b);
    const sides = ["a", "b"].map((side) => this.querySelector(`cs-maps[side="${side}"]`).planes);
    if (this.limits) this.querySelector("cs-swipe")?.show(...sides);
  }

  #choice(side) {
    const { chosenModel, sample, chosenLayer } = sideOf(side);
    const first = side === "a";
    const models = chosenModels().map(({ id }) => id);
    const choices = runsAndEpochs();
    const layers = layersOf(chosenModel.id).layers.filter((each) => each.maps);
    return html`<div class="bar">
      <h2>${first ? "A" : "B"}</h2>
      ${
        choices.length > 1
          ? html`<label
              >Run
              <select
                @change=${(event) => store.select({ m: first ? [event.target.value, ...models.slice(1)] : [models[0], event.target.value] })}
              >
                ${choices.map(([id, name]) => html`<option value=${id} ?selected=${id === chosenModel.id}>${name}</option>`)}
              </select></label
            >`
          : nothing
      }
      <label
        >Layer
        <select
          @change=${(event) => store.select(first ? { l: event.target.value, c: undefined, at: undefined } : { l2: event.target.value })}
        >
          ${layers.map(({ name }) => html`<option value=${name} ?selected=${name === chosenLayer?.name}>${name}</option>`)}
        </select></label
      >
      <label
        >Sample
        <input
          type="text"
          size="6"
          inputmode="numeric"
          .value=${String(sample ?? "")}
          @change=${(event) => store.select(first ? { s: event.target.value } : { s2: event.target.value })}
      /></label>
    </div>`;
  }
}

/** Runs, each followed by the epochs that it has kept: ids and names. */
function runsAndEpochs() {
  return studioState().models.flatMap(({ id, name, epochs }) => [
    [id, name],
    ...(epochs ?? []).map((epoch) => [`${id}@${epoch}`, `${name}, epoch ${epoch}`]),
  ]);
}

customElements.define("cs-compare", Compare);
