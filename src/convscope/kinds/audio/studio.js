// A recording as the model sees it, with a player whose place is shown on the waveform.

import { address } from "../../static/api.js";
import { TimelineInput } from "../../static/timeline-input.js";
import { html, nothing } from "../../static/vendor/lit.js";

class AudioInput extends TimelineInput {
  render() {
    const source = this.meta?.original;
    return html`${super.render()}
    ${
      source && !this.most
        ? html`<audio
            controls
            preload="metadata"
            src=${address(source.url ?? source)}
            @timeupdate=${this.#follow}
            @seeked=${this.#follow}
          ></audio>`
        : nothing
    }`;
  }

  /** Moves the cursor to the place that is heard, where that is in the part that the model hears. */
  #follow({ target }) {
    const place = Math.floor((target.currentTime - (this.meta.begins ?? 0)) * this.meta.rate);
    this.cursor = place >= 0 && place < this.series.length ? [place] : null;
  }
}

customElements.define("cs-input-audio", AudioInput);
