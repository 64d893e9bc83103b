// One slider over the epochs that a run has kept, for every panel; it can be played.

import { getJson } from "../api.js";
import { chosenModels, samplePath } from "../catalog.js";
import { Panel } from "../element.js";
import { saved } from "../saved.js";
import { store } from "../store.js";
import { html, nothing } from "../vendor/lit.js";

const MILLISECONDS = 900;

class Epochs extends Panel {
  static properties = { playing: { state: true } };

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#stop();
  }

  /** The places of the slider: the epochs that were kept, and behind them null, the model that the run chose. */
  get places() {
    const epochs = chosenModels().flatMap((each) => each.epochs ?? []);
    return epochs.length ? [...new Set(epochs)].toSorted((a, b) => a - b).concat([null]) : [];
  }

  /** The place that is shown. */
  get place() {
    const { e } = this.selection;
    if (e === undefined || e === null) return this.places.length - 1;
    return Math.max(
      0,
      this.places.findLastIndex((epoch) => epoch !== null && epoch <= e),
    );
  }

  render() {
    const [chosen] = chosenModels();
    if (saved) return chosen.epoch ? html`<span class="muted">epoch ${chosen.epoch}</span>` : nothing;
    const { places, place } = this;
    if (!places.length) return nothing;
    return html`<div class="epochs" role="group" aria-label="Epoch">
      <button class="quiet" aria-pressed=${Boolean(this.playing)} @click=${this.#play}>
        ${this.playing ? "Stop" : "Play"}
      </button>
      <input
        type="range"
        min="0"
        max=${places.length - 1}
        aria-label="Epoch"
        aria-valuetext=${this.#said(chosen, places[place])}
        .value=${String(place)}
        @input=${(event) => this.#choose(Number(event.target.value))}
      />
      <output>${this.#said(chosen, places[place])}</output>
    </div>`;
  }

  #said({ best_epoch: best }, epoch) {
    if (epoch !== null) return `epoch ${epoch}`;
    return best ? `epoch ${best}, best` : "best epoch";
  }

  #choose(place) {
    store.select({ e: this.places[place] ?? undefined }, false);
  }

  /** From where it is to the end, or from the first epoch. */
  async #play() {
    if (this.playing) return this.#stop();
    const mine = (this.playing = {});
    if (this.place === this.places.length - 1) this.#choose(0);
    while (this.place < this.places.length - 1) {
      const next = this.place + 1;
      await Promise.all([this.#ready(next), new Promise((resolve) => setTimeout(resolve, MILLISECONDS))]);
      if (this.playing !== mine) return;
      this.#choose(next);
    }
    this.#stop();
  }

  /** Waits until the server has opened the models of a place, so that each is seen before the next one comes. */
  async #ready(place) {
    const { s } = this.selection;
    if (s === undefined) return;
    const asked = chosenModels(this.places[place]).map(({ id }) =>
      getJson(`${samplePath(id, s)}/prediction`),
    );
    await Promise.allSettled(asked);
  }

  #stop() {
    this.playing = null;
  }
}

customElements.define("cs-epochs", Epochs);
