// A sample drawn small by the server, where its kind is drawn small at all.

import { address } from "./api.js";
import { model } from "./catalog.js";
import { html, nothing } from "./vendor/lit.js";

/** The address of a sample's small picture. */
export function thumbnailAddress(sample) {
  return address(`api/samples/${sample}/thumbnail.png`, { m: model().id });
}

/** A sample's small picture; nothing where its kind has none. */
export function thumbnailOf(sample) {
  return model().thumbnails ? html`<img loading="lazy" alt="" src=${thumbnailAddress(sample)} />` : nothing;
}
