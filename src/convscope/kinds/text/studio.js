// A text as the model sees it: its tokens in a line, the field underlined, an attribution as the ground behind them.

import { cssColor, inkOn, scaleOf } from "../../static/colors.js";
import { Panel, styled, theme } from "../../static/element.js";
import { number } from "../../static/format.js";
import { extent } from "../../static/npy.js";
import { html, nothing } from "../../static/vendor/lit.js";

class TextInput extends Panel {
  static wide = true;
  /** What is not told of a sample, such as tokens, cannot be drawn. */
  static needsSample = true;
  static properties = {
    arrays: { attribute: false },
    meta: { attribute: false },
    field: { attribute: false },
    overlay: { attribute: false },
    cursor: { attribute: false },
  };

  /** What stands at each position: the tokens, and nothing where the input is only filled up. */
  get tokens() {
    return this.meta?.tokens ?? [];
  }

  render() {
    const { tokens } = this;
    if (!tokens.length) return html`<p class="muted">This text has no token that the model knows.</p>`;
    const values = this.#values();
    const scale = values && scaleOf(...extent(values));
    return html`<p class="tokens" role="group" aria-label="Tokens">
        ${tokens.map((token, i) => this.#token(token, i, values, scale))}
      </p>
      ${this.meta.target?.length ? html`<p class="muted">Second text: ${this.meta.target.join(" ")}</p>` : nothing}`;
  }

  /** One value for each token; of several channels their sum. */
  #values() {
    if (!this.overlay) return null;
    const { data, shape } = this.overlay;
    const channels = shape.slice(1).reduce((a, b) => a * b, 1);
    return Float32Array.from({ length: shape[0] }, (_, i) =>
      data.slice(i * channels, (i + 1) * channels).reduce((a, b) => a + b, 0),
    );
  }

  #token(token, i, values, scale) {
    const [start, stop] = this.field?.[0] ?? [0, Infinity];
    const seen = i >= start && i < stop;
    const inside = this.field && seen ? "seen" : this.field ? "unseen" : "";
    const style = values
      ? { background: cssColor(values[i], scale, theme()), color: inkOn(values[i], scale, theme()) }
      : {};
    return html`<button
      class="token ${inside} ${this.cursor?.[0] === i ? "pointed" : ""}"
      title=${values ? `position ${i}: ${number(values[i])}` : `position ${i}`}
      ${styled(style)}
      @pointerenter=${() => this.#tell("cs-hover", i)}
      @pointerleave=${() => this.#tell("cs-hover", null)}
      @click=${() => this.#tell("cs-pick", i)}
    >
      ${token.trim() || "␣"}
    </button>`;
  }

  #tell(name, i) {
    this.dispatchEvent(
      new CustomEvent(name, { detail: { position: i === null ? null : [i] }, bubbles: true }),
    );
  }
}

customElements.define("cs-input-text", TextInput);
