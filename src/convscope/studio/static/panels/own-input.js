// Ways to give an input of one's own: a file, a drawing, a text, a recording, a picture of the camera.

import { Panel, problem } from "../element.js";
import { sendFile, sendInput, sending, sendWhenDone } from "../own-inputs.js";
import { startRecording } from "../sound.js";
import { html, nothing } from "../vendor/lit.js";
import "./draw-pad.js";

class OwnInput extends Panel {
  static properties = {
    meta: { attribute: false },
    accepts: { attribute: false },
    mode: { state: true },
    recording: { state: true },
    seeing: { state: true },
    trouble: { state: true },
  };

  #follow = () => this.requestUpdate();

  connectedCallback() {
    super.connectedCallback();
    sending.addEventListener("change", this.#follow);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    sending.removeEventListener("change", this.#follow);
    this.#endCamera();
  }

  render() {
    const media = this.meta?.media ?? "";
    const files = this.accepts?.length > 0;
    const ways = [
      ["draw", "Draw", media === "picture" && this.meta.shape.length <= 3],
      ["write", "Write", files && media === "text"],
      ["record", "Record", files && media === "sound" && Boolean(navigator.mediaDevices)],
      ["camera", "Camera", files && media === "picture" && Boolean(navigator.mediaDevices)],
    ].filter(([, , fits]) => fits);
    return html`<div class="bar own">
        ${
          files
            ? html`<label class="plain file" title=${this.accepts.join(", ")}
                >Open a file<input
                  type="file"
                  class="hidden-file"
                  accept=${this.accepts.join(",")}
                  @change=${(event) => event.target.files[0] && sendFile(event.target.files[0])}
              /></label>`
            : nothing
        }
        ${ways.map(([mode, text]) => html`<button class="plain" aria-pressed=${this.mode === mode} data-way=${mode} @click=${() => this.#choose(mode)}>${text}</button>`)}
        ${sending.busy ? html`<span class="muted">reading…</span>` : nothing}
      </div>
      ${problem(this.trouble ?? sending.error)} ${this.#way()}`;
  }

  #way() {
    if (this.mode === "draw") return html`<cs-draw-pad .meta=${this.meta}></cs-draw-pad>`;
    if (this.mode === "write") {
      return html`<textarea
        rows="4"
        aria-label="A text of your own"
        placeholder="A text of your own"
        @input=${(event) => event.target.value.trim() && sendWhenDone(() => event.target.value, "text/plain", 150)}
      ></textarea>`;
    }
    if (this.mode === "record") {
      return html`<div class="bar">
        <button class="plain" aria-pressed=${Boolean(this.recording)} @click=${this.#record}>
          ${this.recording ? "Stop" : "Start"}
        </button>
      </div>`;
    }
    if (this.mode === "camera") {
      return html`<video autoplay playsinline muted></video>
        <div class="bar">
          <button class="plain" ?disabled=${!this.seeing} @click=${this.#shoot}>Take the picture</button>
        </div>`;
    }
    return nothing;
  }

  #choose(mode) {
    this.trouble = null;
    this.#endCamera();
    this.mode = this.mode === mode ? null : mode;
    this.dispatchEvent(new CustomEvent("cs-drawing", { detail: this.mode === "draw", bubbles: true }));
    if (this.mode === "camera") this.#startCamera();
  }

  async #record() {
    try {
      if (this.recording) {
        const stop = this.recording;
        this.recording = null;
        await sendInput(await stop(), "audio/wav", "recording.wav");
      } else {
        this.recording = await startRecording();
      }
    } catch (error) {
      this.trouble = error;
    }
  }

  async #startCamera() {
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: true });
      await this.updateComplete;
      const video = this.querySelector("video");
      Object.assign(video, { muted: true, srcObject: this.stream });
      await video.play(); // a browser may not begin by itself, and a film that stands is black in a picture of it
      this.seeing = true;
    } catch (error) {
      this.trouble = error;
    }
  }

  #endCamera() {
    this.seeing = false;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
  }

  #shoot() {
    const video = this.querySelector("video");
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob((blob) => sendInput(blob, "image/png", "camera.png"), "image/png");
  }
}

customElements.define("cs-own-input", OwnInput);
