// A volume as the model sees it: three planes through one point, which a click on any of them moves.

import { Panel } from "../../static/element.js";
import { number } from "../../static/format.js";
import { extent } from "../../static/npy.js";
import { html, nothing } from "../../static/vendor/lit.js";
import "../../static/plane-view.js";

class VolumeInput extends Panel {
  static wide = true;
  static properties = {
    arrays: { attribute: false },
    meta: { attribute: false },
    field: { attribute: false },
    over: { attribute: false },
    overlay: { attribute: false },
    cursor: { attribute: false },
    most: { type: Number },
    place: { state: true },
  };

  /** The values that are drawn. */
  get volume() {
    return Object.values(this.arrays)[0];
  }

  /** The distance of two voxels along each axis; null where that is not known. */
  get spacing() {
    const axes = this.meta?.axes ?? [];
    return axes.length === 3 && axes.every(({ spacing }) => spacing) ? axes.map(({ spacing }) => spacing) : null;
  }

  willUpdate(changed) {
    if (!this.arrays) return;
    const lengths = this.volume.shape.slice(0, 3);
    if (changed.has("arrays")) {
      this.limits = extent(this.volume.data);
      if (!this.place || this.place.some((part, axis) => part >= lengths[axis]))
        this.place = lengths.map((length) => Math.floor(length / 2));
    }
    const target =
      changed.has("cursor") && this.cursor
        ? this.cursor
        : changed.has("field") && this.field
          ? middleOf(this.field)
          : null;
    if (target?.length === 3)
      this.place = target.map((part, axis) => Math.max(0, Math.min(lengths[axis] - 1, part)));
  }

  render() {
    if (!this.arrays) return nothing;
    const names = this.meta?.axes?.map(({ name }) => name) ?? [];
    const { place } = this;
    return html`<div class="planes">
        ${[0, 1, 2].map((axis) => this.#plane(axis, names[axis] ?? `axis ${axis}`))}
      </div>
      ${this.most ? nothing : html`<p class="muted">(${place.join(", ")}): ${number(this.#value(place))}${this.#where(place)}</p>`}`;
  }

  #plane(axis, name) {
    const most =
      this.most ?? Math.max(120, Math.min(380, (this.clientWidth || 600) / 3 - 24, innerHeight * 0.28));
    const last = this.volume.shape[axis] - 1;
    return html`<figure>
      <cs-plane
        .array=${this.volume}
        .overlay=${this.overlay ?? null}
        .over=${this.over ?? null}
        .axis=${axis}
        .place=${this.place}
        .field=${this.field?.length === 3 ? this.field : null}
        .limits=${this.limits}
        .spacing=${this.spacing}
        .most=${most}
        ?cross=${!this.most}
        @cs-pick=${(event) => (this.place = event.detail.position)}
      ></cs-plane>
      ${
        this.most
          ? nothing
          : html`<figcaption>
              <label class="slider"
                >${name}
                <input
                  type="range"
                  min="0"
                  max=${last}
                  .value=${String(this.place[axis])}
                  @input=${(event) => this.#move(axis, Number(event.target.value))}
                />
                <output>${this.place[axis]}</output></label
              >
            </figcaption>`
      }
    </figure>`;
  }

  #move(axis, value) {
    this.place = this.place.map((part, each) => (each === axis ? value : part));
  }

  #value([z, y, x]) {
    const [, rows, columns, channels = 1] = this.volume.shape;
    return this.volume.data[((z * rows + y) * columns + x) * channels];
  }

  /** Where the point lies from the first voxel on, where the voxels have a size. */
  #where(place) {
    const { spacing } = this;
    if (!spacing) return "";
    return `, at ${place.map((part, axis) => number(part * spacing[axis])).join(" × ")} ${this.meta.axes[0].unit}`;
  }
}

function middleOf(field) {
  return field.map(([start, stop]) => Math.floor((start + stop - 1) / 2));
}

customElements.define("cs-input-volume", VolumeInput);
