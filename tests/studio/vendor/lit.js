export { LitElement, html, nothing, svg } from "lit";
export { Directive, directive } from "lit/directive.js";
export { repeat } from "lit/directives/repeat.js";
