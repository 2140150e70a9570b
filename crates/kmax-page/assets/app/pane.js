// One photo as one model sees it: the stage, and what belongs to it.

import { ClusterLayer, MaskLayer, grid } from "./cluster-layer.js";
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
  steps = null;
  /** In the view of clusters: the step from 1 on, one more for the result; the query that stands out; and whether its mask is shown. */
  step = 1;
  query = null;
  mask = null;
  #maps = new Map();

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
    const choose = (event) => this.#tell("model", this.page.models.find(({ name }) => name === event.target.value));
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
    this.#tell("opened");
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
    this.#maps.delete(this.lastStep + 1);
    if (!result.segments.some(({ id }) => id === this.selected)) this.selected = null;
    this.hovered = null;
    this.showClasses();
    this.facts.textContent = `${plural(result.segments.length, "segment")} · ${seconds(this.prediction.seconds)}`;
    this.#tell("result");
  }

  #fail(error) {
    this.busy.hidden = true;
    this.#tell("failed", error);
  }

  /** Shows what is not switched off. */
  showClasses() {
    this.layer?.show(({ category_id }) => !this.hidden.has(category_id));
    this.draw();
  }

  select(id) {
    this.selected = id;
    this.draw();
    this.#tell("select");
  }

  hover(id) {
    this.hovered = id;
    this.draw();
  }

  draw() {
    this.stage.draw();
  }

  /** What the steps did, asked for once. */
  async explain() {
    this.steps ??= await this.page.backend.steps(this.prediction);
    return this.steps;
  }

  get lastStep() {
    return this.steps?.steps.length ?? this.model.steps;
  }

  /** The map of a step as a layer; behind the last step, that of the result. */
  async clusters(step) {
    if (!this.#maps.has(step)) this.#maps.set(step, this.#clusters(step));
    return this.#maps.get(step);
  }

  async #clusters(step) {
    const { backend, photo } = this.page;
    if (step > this.lastStep) return this.#resultClusters();
    const map = await backend.stepMap(this.prediction, step);
    return new ClusterLayer(map, grid(this.steps.steps[step - 1].stride, photo, this.model.input));
  }

  #resultClusters() {
    const { map, width, height, segments } = this.result;
    const query = new Map(segments.map((segment) => [segment.id, segment.query]));
    const data = Int32Array.from(map, (id) => query.get(id) ?? -1);
    return new ClusterLayer({ width, height, data }, { size: 1, begin: 0 });
  }

  /** Shows a step, and a query that stands out. */
  async showStep(step) {
    this.step = step;
    const layer = await this.clusters(step);
    if (this.step !== step) return;
    this.clusterLayer = layer;
    this.draw();
    this.#tell("step");
  }

  showQuery(query, mask = false) {
    this.query = query;
    this.maskLayer = null;
    this.mask = mask ? query : null;
    this.draw();
    this.#tell("query");
    if (mask) this.#showMask(query);
  }

  async #showMask(query) {
    const { backend, photo } = this.page;
    const mask = await backend.queryMask(this.prediction, query);
    if (this.mask !== query) return;
    this.maskLayer = new MaskLayer(mask, query, grid(this.model.mask_stride ?? 4, photo, this.model.input));
    this.draw();
  }

  #paint(context, place) {
    const { look, photo } = this.page;
    if (look.mode === "segments") {
      this.layer?.paint(context, place, { ...look, selected: this.selected, hovered: this.hovered });
    } else if (this.maskLayer) {
      this.maskLayer.paint(context, { photo });
    } else {
      const query = this.hoveredQuery ?? this.query;
      this.clusterLayer?.paint(context, { photo, look: { opacity: look.clusterOpacity, query } });
    }
    if (look.mode === "clusters" && this.pixel) cross(context, this.pixel, place.scale);
  }

  #hover(at) {
    if (this.page.look.mode === "segments") {
      const id = at && this.layer?.at(at.x, at.y);
      if (id !== this.hovered) this.hover(id ?? null);
      this.#showTip(at, id);
    } else {
      this.tip.hidden = true;
    }
  }

  #showTip(at, id) {
    const segment = id && this.result.segments.find((segment) => segment.id === id);
    this.tip.hidden = !segment;
    if (!segment) return;
    this.tip.textContent = `${segment.name} · score ${percent(segment.score ?? 0)} · ${percent(segment.share)} of the photo`;
    const [x, y] = at.point;
    const across = this.tip.offsetWidth;
    this.tip.style.left = `${Math.min(x + 14, this.stage.size[0] - across - 6)}px`;
    this.tip.style.top = `${y > 60 ? y - 38 : y + 20}px`;
  }

  #pick(at) {
    if (this.page.look.mode === "segments") {
      const id = this.layer?.at(at.x, at.y) ?? null;
      this.select(id === this.selected ? null : id);
    } else {
      this.pixel = at;
      const query = this.clusterLayer?.at(at.x, at.y) ?? -1;
      this.showQuery(query >= 0 ? query : null);
      this.#tell("pixel", at);
    }
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }

  /** Gives back what the backend keeps. */
  close() {
    if (this.prediction) this.page.backend.release(this.prediction).catch(() => {});
    this.element.remove();
  }
}

/** Marks the pixel that was asked about. */
function cross(context, { x, y }, scale) {
  const arm = 9 / scale;
  for (const [colour, width] of [["rgb(0 0 0 / 70%)", 4], ["#fff", 1.75]]) {
    context.strokeStyle = colour;
    context.lineWidth = width / scale;
    context.beginPath();
    context.moveTo(x + 0.5 - arm, y + 0.5);
    context.lineTo(x + 0.5 + arm, y + 0.5);
    context.moveTo(x + 0.5, y + 0.5 - arm);
    context.lineTo(x + 0.5, y + 0.5 + arm);
    context.stroke();
  }
}
