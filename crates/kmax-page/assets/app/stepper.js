// The steps of the clustering in a row: pictures of all, a slider through them, and a button that plays them.

import { el, icon } from "./dom.js";
import { plural } from "./format.js";

const PLAY = "M8 5l11 7-11 7z";
const PAUSE = "M8 5v14M16 5v14";
/** How long a step is shown. */
const PAUSE_MS = 900;

export class Stepper {
  constructor(element) {
    this.element = element;
    this.play = el("button", { type: "button", class: "tool play", onclick: () => (this.timer ? this.stop() : this.start()) });
    this.range = el("input", {
      type: "range", min: "1", step: "1", "aria-label": "Step of the clustering",
      oninput: () => {
        this.stop();
        this.pane.clusters.showStep(Number(this.range.value));
      },
    });
    this.caption = el("p", { class: "caption" });
    this.film = el("ol", { class: "film", "aria-label": "Steps" });
    element.append(el("div", { class: "stepper-row" }, this.play, this.range, this.caption), this.film);
    this.#label();
  }

  /** Takes the steps of a pane. */
  async show(pane) {
    this.stop();
    if (this.pane !== pane) {
      this.caption.textContent = "";
      this.film.replaceChildren();
    }
    this.pane = pane;
    const { steps } = await pane.clusters.explain();
    this.range.max = steps.length + 1;
    const layers = await Promise.all(Array.from({ length: steps.length + 1 }, (_, index) => pane.clusters.layer(index + 1)));
    if (this.pane !== pane) return;
    this.film.replaceChildren(...layers.map((layer, index) => this.#frame(layer, index + 1, steps[index])));
    await pane.clusters.showStep(Math.min(pane.clusters.step, steps.length + 1));
    this.update();
  }

  #frame(layer, number, step) {
    const { width, height } = this.pane.page.photo;
    const canvas = el("canvas", { width: 144, height: Math.round((144 * height) / width), "aria-hidden": "true" });
    const context = canvas.getContext("2d");
    context.scale(canvas.width / width, canvas.height / height);
    layer.paint(context, { photo: { width, height }, scale: 1, opacity: 1, query: null });
    const name = step ? `Step ${number}` : "Result";
    const detail = step ? `stride ${step.stride}` : "segments";
    const button = el("button", {
      type: "button", class: "frame",
      onclick: () => {
        this.stop();
        this.pane.clusters.showStep(number);
      },
    }, canvas, el("span", { class: "frame-name", text: name }), el("span", { class: "frame-detail", text: detail }));
    return el("li", {}, button);
  }

  /** Says which step the pane shows. */
  update() {
    const { step, told } = this.pane.clusters;
    if (!told) return;
    const { steps } = told;
    const about = steps[step - 1];
    this.range.value = step;
    this.range.style.setProperty("--part", `${(100 * (step - 1)) / Math.max(steps.length, 1)}%`);
    this.caption.textContent = about
      ? `Step ${step} of ${steps.length} · stride ${about.stride} · ${about.width} × ${about.height} · ${plural(about.queries_with_pixels, "cluster")}`
      : `Result · ${plural(this.pane.result.segments.length, "segment")}`;
    this.range.setAttribute("aria-valuetext", this.caption.textContent);
    [...this.film.children].forEach((item, index) => {
      if (index + 1 === step) item.firstChild.setAttribute("aria-current", "step");
      else item.firstChild.removeAttribute("aria-current");
    });
  }

  start() {
    const next = () => {
      const { clusters } = this.pane;
      clusters.showStep(clusters.step > clusters.last ? 1 : clusters.step + 1);
      if (clusters.step > clusters.last) this.stop();
    };
    this.timer = setInterval(next, PAUSE_MS);
    next();
    this.#label();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.#label();
  }

  #label() {
    const label = this.timer ? "Pause" : "Play the steps";
    this.play.setAttribute("aria-label", label);
    this.play.title = label;
    this.play.replaceChildren(icon(this.timer ? PAUSE : PLAY));
    this.play.classList.toggle("playing", Boolean(this.timer));
  }
}
