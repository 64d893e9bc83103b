// A picture as the model sees it.

import { RasterInput } from "../../static/raster-input.js";

customElements.define("cs-input-image", class extends RasterInput {});
