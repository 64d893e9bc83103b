// Grids, bars and rows of the products that a value is the sum of.

import { cssColor, inkOn } from "../colors.js";
import { styled, theme } from "../element.js";
import { number, short } from "../format.js";
import { html, nothing } from "../vendor/lit.js";

const MOST_ROWS = 40;
const MOST_BARS = 64;

/** Numbers in a grid, colored by a scale; written out where the grid has few columns. */
export function grid(name, values, width, scale, padded, room) {
  const third = Math.floor((room - 70) / 3 / width) - 1;
  const cell =
    width <= 3
      ? Math.max(30, Math.min(56, third))
      : Math.max(Math.min(31, Math.floor(room / width) - 1), Math.min(48, third), 8);
  const now = theme();
  return html`<figure class="grid">
    <figcaption>${name}</figcaption>
    <div
      class="cells"
      role="img"
      aria-label=${`${name}: ${values.map((value) => number(value)).join(", ")}`}
      ${styled({ "grid-template-columns": `repeat(${width}, ${cell}px)`, "grid-auto-rows": `${cell}px` })}
    >
      ${values.map((value, i) => {
        const outside = padded?.[i];
        const style = outside
          ? {}
          : { background: cssColor(value, scale, now), color: inkOn(value, scale, now) };
        return html`<span
          class=${outside ? "cell outside" : "cell"}
          title=${outside ? "outside of the input: 0" : String(value)}
          ${styled(style)}
          >${cell >= 30 ? short(value) : nothing}</span
        >`;
      })}
    </div>
  </figure>`;
}

/** The sum of each channel's products as a bar, up or down from a line; a click chooses the channel. */
export function channelBars(parts, shown, names, choose) {
  const { sums, order } = parts;
  const most = Math.abs(sums[order[0]]) || 1;
  const listed = sums.length > MOST_BARS ? order.slice(0, MOST_BARS) : Array.from(sums.keys());
  const rest = order.slice(MOST_BARS).reduce((whole, channel) => whole + sums[channel], 0);
  return html`<div
      class="channel-bars"
      role="listbox"
      aria-label="Channels read"
      tabindex="0"
      @keydown=${(event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        choose(listed[Math.max(0, Math.min(listed.length - 1, listed.indexOf(shown) + step))]);
      }}
    >
      ${listed.map((channel) => {
        const share = sums[channel] / most;
        const name = names?.[channel] ?? channel;
        return html`<span
          role="option"
          aria-selected=${channel === shown}
          aria-label=${`channel ${name}: ${number(sums[channel])}`}
          title=${`channel ${name}: ${number(sums[channel], 4)}`}
          @click=${() => choose(channel)}
        >
          <i
            class=${share < 0 ? "down" : "up"}
            ${styled({ height: `${Math.max(Math.abs(share) * 50, share ? 1 : 0)}%` })}
          ></i
        ></span>`;
      })}
    </div>
    ${sums.length > MOST_BARS ? html`<p class="muted">The ${MOST_BARS} of ${sums.length} channels that add most; the others add ${number(rest, 4)}.</p>` : nothing}`;
}

/** The names of the positions under a kernel of one axis. */
export function placesOf({ places }) {
  return places?.length === 1 ? places[0].map((place) => (place < 0 ? null : place)) : [];
}

/** One row for each position of a kernel of one axis: what lies there, and what all its channels add. */
export function rows({ names }, { byPlace, places, padded }) {
  const order = Array.from(byPlace.keys());
  const listed =
    order.length > MOST_ROWS
      ? order.toSorted((a, b) => Math.abs(byPlace[b]) - Math.abs(byPlace[a])).slice(0, MOST_ROWS)
      : order;
  const most = byPlace.reduce((large, value) => Math.max(large, Math.abs(value)), 0) || 1;
  return html`<table class="rows">
      ${listed.map(
        (i) =>
          html`<tr class=${padded[i] ? "outside" : ""}>
            <th scope="row">${padded[i] ? "outside" : (names?.[i] ?? places[i] ?? i)}</th>
            <td class="signed">
              <i
                class=${byPlace[i] < 0 ? "down" : "up"}
                ${styled({ width: `${(50 * Math.abs(byPlace[i])) / most}%` })}
              ></i>
            </td>
            <td>${number(byPlace[i], 3)}</td>
          </tr>`,
      )}
    </table>
    ${listed.length < order.length ? html`<p class="muted">The ${listed.length} of ${order.length} positions that add most.</p>` : nothing}`;
}

/** The largest products, each as a value times a weight, and what all others add. */
export function strongest({ top, rest, products, shape }) {
  const all = products?.length ?? shape.reduce((a, b) => a * b, 1);
  return html`<h3>The largest products</h3>
    <table class="largest">
      <thead>
        <tr>
          <th scope="col">read from</th>
          <th scope="col">value</th>
          <th scope="col">weight</th>
          <th scope="col">product</th>
        </tr>
      </thead>
      <tbody>
        ${top.slice(0, 12).map(
          ({ index, value, weight, product }) =>
            html`<tr>
              <th scope="row">${index.length > 1 ? `(${index.join(", ")})` : index[0]}</th>
              <td>${number(value)}</td>
              <td>${number(weight)}</td>
              <td>${number(product)}</td>
            </tr>`,
        )}
        ${
          all > 12
            ? html`<tr class="muted">
                <th scope="row">${all - 12} others</th>
                <td></td>
                <td></td>
                <td>${number(top.slice(12).reduce((whole, { product }) => whole + product, rest))}</td>
              </tr>`
            : nothing
        }
      </tbody>
    </table>`;
}
