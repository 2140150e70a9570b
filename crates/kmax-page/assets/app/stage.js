// A canvas that shows the photo, with something painted over it.

import { el, icon } from "./dom.js";
import { gestures } from "./gestures.js";

export class Stage extends EventTarget {
  /**
   * @param photo see `photo.js` @param view shared with other stages
   * @param paint called with the context in pixels of the photo and `{ scale, toScreen }`, whenever the stage is drawn
   */
  constructor(photo, view, paint) {
    super();
    Object.assign(this, { photo, view, paint });
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.element = el("div", {
      class: "stage", tabindex: "0", role: "img",
      "aria-label": "Photo with what was found. Arrow keys move it, plus and minus zoom, 0 shows all of it.",
    }, this.canvas);
    this.size = [0, 0];
    this.#listen();
    this.observer = new ResizeObserver(() => this.#resized());
    this.observer.observe(this.element);
    view.addEventListener("change", () => this.#viewed());
  }

  /** Buttons for those who have neither wheel nor keys. */
  zoomButtons() {
    const middle = () => this.size.map((length) => length / 2);
    const button = (label, path, action) => el("button", { type: "button", class: "tool", "aria-label": label, title: label, onclick: action }, icon(path));
    return el("div", { class: "zoom", role: "group", "aria-label": "Zoom" },
      button("Zoom in", "M12 5v14M5 12h14", () => this.view.zoomBy(1.6, middle(), this.size)),
      button("Zoom out", "M5 12h14", () => this.view.zoomBy(1 / 1.6, middle(), this.size)),
      button("Whole photo", "M9 4H4v5M15 4h5v5M9 20H4v-5M15 20h5v-5", () => this.view.reset()));
  }

  #listen() {
    gestures(this.element, {
      zoom: (factor, point) => this.view.zoomBy(factor, point, this.size),
      pan: (dx, dy) => this.view.panBy(dx, dy, this.size),
      reset: () => this.view.reset(),
      pick: (point) => this.#tell("pick", point),
      hover: (point) => this.#tell("hover", point),
    });
  }

  /** Tells which pixel of the photo it is about; null outside of it. */
  #tell(kind, point) {
    const { scale, left, top } = this.view.place(...this.size);
    const pixel = point && [Math.floor((point[0] - left) / scale), Math.floor((point[1] - top) / scale)];
    const inside = pixel && pixel[0] >= 0 && pixel[1] >= 0 && pixel[0] < this.photo.width && pixel[1] < this.photo.height;
    this.dispatchEvent(new CustomEvent(kind, { detail: inside ? { x: pixel[0], y: pixel[1], point } : null }));
  }

  #viewed() {
    // A finger scrolls the page as long as there is nothing to move in the photo.
    this.element.classList.toggle("zoomed", this.view.zoom > 1);
    this.draw();
  }

  #resized() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const density = window.devicePixelRatio || 1;
    this.size = [width, height];
    this.canvas.width = Math.round(width * density);
    this.canvas.height = Math.round(height * density);
    this.#drawNow();
  }

  /** Draws with the next frame. */
  draw() {
    if (!this.closed) this.frame ??= requestAnimationFrame(() => this.#drawNow());
  }

  /** Draws no more: the photo goes away. */
  close() {
    this.closed = true;
    cancelAnimationFrame(this.frame);
    this.observer.disconnect();
  }

  #drawNow() {
    this.frame = null;
    if (this.size[0] === 0) return;
    const density = this.canvas.width / this.size[0];
    const { scale, left, top } = this.view.place(...this.size);
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const all = scale * density;
    context.setTransform(all, 0, 0, all, left * density, top * density);
    context.imageSmoothingEnabled = all < 6;
    context.imageSmoothingQuality = "medium";
    context.drawImage(this.photo.at(all), 0, 0, this.photo.width, this.photo.height);
    // Lines and letters are sized on the screen: one of its pixels is `1 / scale` of the photo's.
    this.paint(context, { scale, density: all });
  }
}
