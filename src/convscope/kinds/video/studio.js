// A clip as the model sees it: one frame, with a slider over time and a button that plays.

import { Panel } from "../../static/element.js";
import { number } from "../../static/format.js";
import { extent } from "../../static/npy.js";
import { html, nothing } from "../../static/vendor/lit.js";
import "../../static/plane-view.js";

const FRAMES_A_SECOND = 12;

class VideoInput extends Panel {
  static properties = {
    arrays: { attribute: false },
    meta: { attribute: false },
    field: { attribute: false },
    overlay: { attribute: false },
    cursor: { attribute: false },
    most: { type: Number },
    frame: { state: true },
    playing: { state: true },
  };

  constructor() {
    super();
    this.frame = 0;
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.playing);
  }

  /** The values that are drawn, (time, rows, columns, channels). */
  get clip() {
    return Object.values(this.arrays)[0];
  }

  willUpdate(changed) {
    if (!this.arrays) return;
    if (changed.has("arrays")) this.limits = extent(this.clip.data);
    const [start, stop] = this.field?.[0] ?? [];
    if (changed.has("field") && this.field && !this.playing && (this.frame < start || this.frame >= stop))
      this.frame = Math.floor((start + stop - 1) / 2);
    if (changed.has("cursor") && this.cursor) this.frame = this.cursor[0];
    this.frame = Math.max(0, Math.min(this.clip.shape[0] - 1, this.frame));
  }

  render() {
    if (!this.arrays) return nothing;
    const most = this.most ?? Math.max(180, Math.min(520, innerHeight * 0.3));
    const { places, start = 0, step, unit = "" } = this.meta?.axes?.[0] ?? {};
    const when = places?.[this.frame] ?? (step ? start + this.frame * step : undefined);
    return html`<cs-plane
        .array=${this.clip}
        .overlay=${this.overlay ?? null}
        .axis=${0}
        .place=${[this.frame, 0, 0]}
        .field=${this.field?.length === 3 ? this.field : null}
        .limits=${this.limits}
        .most=${most}
      ></cs-plane>
      ${
        this.most
          ? nothing
          : html`<div class="bar">
              <button class="plain" aria-pressed=${Boolean(this.playing)} @click=${this.#play}>
                ${this.playing ? "Stop" : "Play"}
              </button>
              <label class="slider wide"
                >Frame
                <input
                  type="range"
                  min="0"
                  max=${this.clip.shape[0] - 1}
                  .value=${String(this.frame)}
                  @input=${(event) => (this.frame = Number(event.target.value))}
                />
                <output
                  >${this.frame}${typeof when === "number" ? `, at ${number(when)} ${unit}` : ""}</output
                ></label
              >
            </div>`
      }`;
  }

  #play() {
    if (this.playing) {
      clearInterval(this.playing);
      this.playing = null;
    } else {
      this.playing = setInterval(
        () => (this.frame = (this.frame + 1) % this.clip.shape[0]),
        1000 / FRAMES_A_SECOND,
      );
    }
  }
}

customElements.define("cs-input-video", VideoInput);
