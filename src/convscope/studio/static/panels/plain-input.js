// An input of no known kind: its arrays in numbers, summed up.

import { Panel } from "../element.js";
import { number, shape } from "../format.js";
import { extent } from "../npy.js";
import { html, nothing } from "../vendor/lit.js";

class PlainInput extends Panel {
  static properties = {
    arrays: { attribute: false },
    meta: { attribute: false },
    field: { attribute: false },
    overlay: { attribute: false },
  };

  render() {
    if (!this.arrays) return nothing;
    return html`<table class="facts">
      <caption>
        Arrays as the model takes them
      </caption>
      ${Object.entries(this.arrays).map(([name, array]) => {
        const [low, high] = extent(array.data);
        return html`<tr>
          <th scope="row">${name}</th>
          <td>${shape(array.shape)}</td>
          <td>${number(low)} to ${number(high)}</td>
        </tr>`;
      })}
    </table>`;
  }
}

customElements.define("cs-input-plain", PlainInput);
