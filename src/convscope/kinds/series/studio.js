// A series as the model sees it.

import { TimelineInput } from "../../static/timeline-input.js";

customElements.define("cs-input-series", class extends TimelineInput {});
