// What the chosen layer does, in words.

import { layer } from "../catalog.js";
import { Panel } from "../element.js";
import { html, nothing } from "../vendor/lit.js";

class Explain extends Panel {
  render() {
    const chosen = layer();
    if (!chosen) return nothing;
    return html`<header class="panel-head"><h2>${chosen.type}</h2></header>
      <div class="prose">
        ${chosen.here ? html`<p>${chosen.here}</p>` : nothing}
        ${chosen.about ? html`<p class="muted">${chosen.about}</p>` : nothing}
        ${chosen.numbers ? html`<p class="muted">${chosen.numbers}</p>` : nothing}
      </div>`;
  }
}

customElements.define("cs-explain", Explain);
