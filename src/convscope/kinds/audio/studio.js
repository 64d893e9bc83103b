// A recording as the model sees it, with a player whose place is shown on the waveform.

import { address } from "../../static/api.js";
import { TimelineInput } from "../../static/timeline-input.js";
import { html, nothing } from "../../static/vendor/lit.js";

class AudioInput extends TimelineInput {
  render() {
    const source = this.meta?.original;
    return html`${super.render()}
      ${source && !this.most
        ? html`<audio controls preload="metadata" src=${address(source.url ?? source)} @timeupdate=${this.#follow} @seeked=${this.#follow}></audio>`
        : nothing}`;
  }

  /** Moves the cursor to the place that is heard. */
  #follow(event) {
    const { length } = this.series;
    const share = event.target.currentTime / event.target.duration;
    this.cursor = Number.isFinite(share) ? [Math.floor(share * length)] : null;
  }
}

customElements.define("cs-input-audio", AudioInput);
