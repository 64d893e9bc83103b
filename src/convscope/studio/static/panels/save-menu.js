// A menu beside the title of a panel: saves it as SVG and PNG, and its numbers as NPZ.

import { Panel, problem } from "../element.js";
import { saved } from "../saved.js";
import { html, nothing } from "../vendor/lit.js";
import { saveNpz, savePage, savePng, saveSvg } from "../saving.js";

/**
 * A menu that saves a panel as it is drawn, and its numbers.
 * @param {HTMLElement} panel
 * @param {string} name of the panel, which begins the names of its files
 * @param {(() => Promise<Object> | Object) | null} numbers its arrays by name; null where it has none
 */
export function saveMenu(panel, name, numbers = null) {
  const whole = numbers && (async () => ({ arrays: await numbers(), leftOut: [] }));
  return html`<cs-save .panel=${panel} .name=${name} .numbers=${whole}></cs-save>`;
}

/** A menu that saves all that is selected: as a page, where a server makes it, and as numbers. */
export function saveAllMenu(name, numbers) {
  return html`<cs-save .name=${name} .numbers=${numbers} .page=${!saved}></cs-save>`;
}

class SaveMenu extends Panel {
  static properties = {
    panel: { attribute: false },
    name: { attribute: false },
    numbers: { attribute: false },
    page: { type: Boolean },
    open: { state: true },
    error: { state: true },
    busy: { state: true },
  };

  #away = (event) => {
    if (!this.contains(event.target) || event.key === "Escape") this.open = false;
  };

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#listen(false);
  }

  render() {
    return html`<button
        class="quiet"
        aria-haspopup="menu"
        aria-expanded=${Boolean(this.open)}
        aria-label="Save ${this.name}"
        @click=${() => (this.open = !this.open)}
      >
        Save
      </button>
      ${this.open ? this.#menu() : nothing}`;
  }

  #menu() {
    const item = (text, hint, save) =>
      html`<button role="menuitem" class="quiet" title=${hint} @click=${() => this.#save(save)}>
        ${text}
      </button>`;
    return html`<div class="save-menu">
      <div role="menu" aria-label="Save ${this.name}" @keydown=${this.#move}>
        ${this.panel ? html`${item("SVG", "The panel as a drawing", () => saveSvg(this.panel, this.name))} ${item("PNG", "The panel as a picture", () => savePng(this.panel, this.name))}` : nothing}
        ${this.page ? item("Page", "What is selected, as one page that works without a server", () => savePage(this.name)) : nothing}
        ${this.numbers ? item("NPZ", "Its numbers, for NumPy", () => saveNpz(this.numbers, this.name)) : nothing}
      </div>
      ${this.busy ? html`<span class="muted">saving…</span>` : nothing} ${problem(this.error)}
    </div>`;
  }

  /** Arrow keys go from one entry to the next. */
  #move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const items = [...this.querySelectorAll("[role=menuitem]")];
    items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
  }

  updated(changed) {
    if (changed.has("open")) this.#listen(this.open);
    if (changed.has("open") && this.open) this.querySelector("[role=menuitem]")?.focus();
  }

  #listen(on) {
    for (const name of ["click", "keydown"])
      document[on ? "addEventListener" : "removeEventListener"](name, this.#away, true);
  }

  async #save(save) {
    this.error = null;
    this.busy = true;
    try {
      await save();
      this.open = false;
    } catch (error) {
      this.error = error;
    }
    this.busy = false;
  }
}

customElements.define("cs-save", SaveMenu);
