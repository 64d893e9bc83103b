// Types of lit as the page uses it. An element's properties come from its `static properties`, and what it finds within
// itself is what it has drawn: neither has a type.

import { LitElement as Base } from "lit";

export { html, nothing, svg } from "lit";
export { Directive, directive } from "lit/directive.js";
export { repeat } from "lit/directives/repeat.js";

export class LitElement extends Base {
  static properties: any;
  [property: string]: any;
  render(): unknown;
  querySelector(selectors: string): any;
  querySelectorAll(selectors: string): any;
}
