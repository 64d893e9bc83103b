// What the chosen layer does, in words.

import { layer } from "../catalog.js";
import { Panel } from "../element.js";
import { html, nothing } from "../vendor/lit.js";
import { saveMenu } from "./save-menu.js";

class Explain extends Panel {
  connectedCallback() {
    super.connectedCallback();
    Object.assign(this, { tabIndex: 0, role: "region", ariaLabel: "What the layer does" });
  }

  render() {
    const chosen = layer();
    if (!chosen) return nothing;
    const rest = [chosen.about, chosen.here]
      .reduce((text, part) => text.replace(part, ""), chosen.text)
      .trim();
    return html`<header class="panel-head">
        <h2>${chosen.type}</h2>
        ${saveMenu(this, `explanation ${chosen.name}`)}
      </header>
      <div class="prose">
        ${chosen.here ? html`<p>${chosen.here}</p>` : nothing}
        ${chosen.about ? html`<p class="muted">${chosen.about}</p>` : nothing}
        ${rest ? html`<p class="muted">${rest}</p>` : nothing}
      </div>`;
  }
}

customElements.define("cs-explain", Explain);
