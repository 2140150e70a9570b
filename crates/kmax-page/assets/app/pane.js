// One photo as one model sees it: the stage, and what belongs to it.

import { Clusters } from "./clusters.js";
import { el } from "./dom.js";
import { percent, plural, seconds } from "./format.js";
import { latest } from "./latest.js";
import { SegmentLayer } from "./segment-layer.js";
import { Stage } from "./stage.js";

export class Pane extends EventTarget {
  thresholds = {};
  /** Categories that are switched off. */
  hidden = new Set();
  selected = null;
  hovered = null;
  layer = null;
  clusters = new Clusters(this);

  /** @param page what all panes share: `backend`, `photo`, `view`, `look`, `models` @param model its description */
  constructor(page, model) {
    super();
    Object.assign(this, { page, model });
    this.stage = new Stage(page.photo, page.view, (context, place) => this.#paint(context, place));
    this.stage.addEventListener("hover", ({ detail }) => this.#hover(detail));
    this.stage.addEventListener("pick", ({ detail }) => detail && this.#pick(detail));
    this.#build();
    this.refresh = latest(() => this.#segment(), (error) => this.#fail(error));
  }

  #build() {
    const choose = (event) => this.tell("model", this.page.models.find(({ name }) => name === event.target.value));
    const options = this.page.models.map(({ name }) => el("option", { value: name, text: name, selected: name === this.model.name }));
    this.facts = el("span", { class: "facts" });
    this.tip = el("div", { class: "tip", hidden: true, "aria-hidden": "true" });
    this.progress = el("progress", { max: "1", "aria-label": "Progress" });
    this.note = el("p", {});
    this.busy = el("div", { class: "busy" }, el("div", { class: "busy-card" }, this.note, this.progress));
    const models = options.length > 1
      ? el("select", { "aria-label": "Model", class: "select", onchange: choose }, options)
      : el("span", { class: "model-name", text: this.model.name });
    this.stage.element.append(this.tip);
    this.element = el("div", { class: "pane" },
      el("div", { class: "pane-head" }, models, this.facts),
      el("div", { class: "stage-frame" }, this.stage.element, this.stage.zoomButtons(), this.busy));
  }

  /** Runs the network, then shows what it found. */
  async open() {
    const { backend, photo } = this.page;
    this.prediction = await backend.predict(photo.file, this.model.name, (progress) => this.#progress(progress));
    await this.#segment();
    this.busy.hidden = true;
    this.tell("opened");
  }

  #progress({ stage, part, total }) {
    this.note.textContent = stage === "fetching" ? `Fetching the model, ${percent(part)} of ${(total / 1e6).toFixed(0)} MB` : "Segmenting the photo";
    if (stage === "fetching") this.progress.value = part;
    else this.progress.removeAttribute("value");
  }

  async #segment() {
    const { backend } = this.page;
    const result = await backend.segments(this.prediction, this.thresholds);
    this.result = result;
    this.layer = new SegmentLayer(result, this.model.categories);
    this.clusters.changed();
    if (!result.segments.some(({ id }) => id === this.selected)) this.selected = null;
    this.hovered = null;
    this.showClasses();
    this.facts.textContent = `${plural(result.segments.length, "segment")} · ${seconds(this.prediction.seconds)}`;
    this.tell("result");
  }

  #fail(error) {
    this.busy.hidden = true;
    this.tell("failed", error);
  }

  /** Shows what is not switched off. */
  showClasses() {
    this.layer?.show(({ category_id }) => !this.hidden.has(category_id));
    this.draw();
  }

  select(id) {
    this.selected = id;
    this.draw();
    this.tell("select");
  }

  hover(id) {
    this.hovered = id;
    this.draw();
  }

  draw() {
    this.stage.draw();
  }

  #paint(context, place) {
    const { look } = this.page;
    if (look.mode === "clusters") this.clusters.paint(context, place, look);
    else this.layer?.paint(context, place, { ...look, selected: this.selected, hovered: this.hovered });
  }

  #hover(at) {
    if (this.page.look.mode === "clusters") {
      const query = at && this.clusters.at(at);
      return this.#showTip(at, query !== null && `${this.clusters.name(query)} · query ${query}`);
    }
    const id = at && this.layer?.at(at.x, at.y);
    if (id !== this.hovered) this.hover(id ?? null);
    const segment = id && this.result.segments.find((segment) => segment.id === id);
    this.#showTip(at, segment && `${segment.name} · score ${percent(segment.score ?? 0)} · ${percent(segment.share)} of the photo`);
  }

  #showTip(at, text) {
    this.tip.hidden = !text;
    if (!text) return;
    this.tip.textContent = text;
    const [x, y] = at.point;
    this.tip.style.left = `${Math.min(x + 14, this.stage.size[0] - this.tip.offsetWidth - 6)}px`;
    this.tip.style.top = `${y > 60 ? y - 38 : y + 20}px`;
  }

  #pick(at) {
    if (this.page.look.mode === "clusters") {
      this.clusters.pixel = at;
      this.clusters.showQuery(this.clusters.at(at));
      this.tell("pixel", at);
    } else {
      const id = this.layer?.at(at.x, at.y) ?? null;
      this.select(id === this.selected ? null : id);
    }
  }

  tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }

  /** Gives back what the backend keeps. */
  close() {
    this.stage.close();
    if (this.prediction) this.page.backend.release(this.prediction).catch(() => {});
    this.element.remove();
  }
}
