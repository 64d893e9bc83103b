// A recording as the model sees it, with a player whose place is shown on the waveform.

import { address } from "../../static/api.js";
import { TimelineInput } from "../../static/timeline-input.js";
import { html, nothing } from "../../static/vendor/lit.js";

class AudioInput extends TimelineInput {
  static properties = { bare: { attribute: false }, heard: { state: true } };

  #frame = 0;

  disconnectedCallback() {
    super.disconnectedCallback();
    cancelAnimationFrame(this.#frame);
  }

  willUpdate(changed) {
    if (changed.has("meta")) this.heard = null;
  }

  render() {
    const source = this.meta?.original;
    if (!source || this.most || this.bare) return super.render();
    return html`${super.render()}
      <audio
        controls
        preload="metadata"
        src=${address(source)}
        @loadedmetadata=${this.#follow}
        @timeupdate=${this.#follow}
        @seeked=${this.#follow}
        @play=${this.#run}
      ></audio>
      ${this.heard ? html`<p class="muted heard">${seconds(this.heard.at)} of ${seconds(this.heard.whole)}</p>` : nothing}`;
  }

  /** Follows the player as smoothly as the screen is drawn. */
  #run = ({ target }) => {
    cancelAnimationFrame(this.#frame);
    const step = () => {
      if (target.paused || !target.isConnected) return;
      this.#follow({ target });
      this.#frame = requestAnimationFrame(step);
    };
    step();
  };

  /** Moves the cursor to the place that is heard, where that is in the part that the model hears. */
  #follow({ target }) {
    const { currentTime: at, duration: whole } = target;
    this.heard = Number.isFinite(whole) ? { at, whole } : null;
    const place = Math.round((at - (this.meta.begins ?? 0)) * this.meta.rate);
    this.cursor = at > 0 && place >= 0 && place < this.series.length ? [place] : null;
  }
}

/** A time with as many digits as short recordings need, which players show in whole seconds. */
function seconds(time) {
  return `${time.toFixed(time < 10 ? 2 : 1)} s`;
}

customElements.define("cs-input-audio", AudioInput);
