// The clustering behind a pane: its steps, which of them is shown, and what stands out in it.

import { ClusterLayer, MaskLayer, grid } from "./cluster-layer.js";
import { ofQuery } from "./colours.js";

export class Clusters {
  /** What the backend tells of the steps, and of the queries. */
  told = null;
  /** From 1 on; one more than the last is the result. */
  step = 1;
  /** The query that stands out, the one that is pointed at, and the one whose mask is shown. */
  query = null;
  hovered = null;
  mask = null;
  /** The pixel that was asked about. */
  pixel = null;
  #layers = new Map();

  constructor(pane) {
    this.pane = pane;
  }

  /** What the steps did, asked for once. */
  async explain() {
    this.told ??= await this.pane.page.backend.steps(this.pane.prediction);
    return this.told;
  }

  /** The number of steps. */
  get last() {
    return this.told?.steps.length ?? this.pane.model.steps;
  }

  /** What a query was in the end: its class, or void. */
  name(query) {
    const id = this.told.queries.find((one) => one.query === query)?.category_id;
    return this.pane.model.categories.find((category) => category.id === id)?.name ?? "void";
  }

  /** The colour of a query, the same in all steps: pale where it is void in the end. */
  colour = (query) => ofQuery(query, this.name(query) === "void");

  /** The map of a step; behind the last step, that of the result. */
  layer(step) {
    if (!this.#layers.has(step)) this.#layers.set(step, this.#layer(step));
    return this.#layers.get(step);
  }

  async #layer(step) {
    const { backend, photo } = this.pane.page;
    if (step > this.last) return this.#result();
    const map = await backend.stepMap(this.pane.prediction, step);
    return new ClusterLayer(map, grid(this.told.steps[step - 1].stride, photo, this.pane.model.input), this.colour);
  }

  #result() {
    const { map, width, height, segments } = this.pane.result;
    const queries = new Map(segments.map(({ id, query }) => [id, query]));
    const data = Int32Array.from({ length: map.length }, (_, pixel) => queries.get(map[pixel]) ?? -1);
    return new ClusterLayer({ width, height, data }, { size: 1, begin: 0 }, this.colour);
  }

  /** The result is another. */
  changed() {
    this.#layers.delete(this.last + 1);
  }

  async showStep(step) {
    this.step = step;
    const layer = await this.layer(step);
    if (this.step !== step) return;
    this.shown = layer;
    this.pane.draw();
    this.pane.tell("step");
  }

  /** Lets a query stand out, or none; with its mask, if that is asked for. */
  showQuery(query, mask = false) {
    Object.assign(this, { query, maskLayer: null, mask: mask ? query : null });
    this.pane.draw();
    this.pane.tell("query");
    return mask ? this.#showMask(query) : null;
  }

  async #showMask(query) {
    const { page, model, prediction } = this.pane;
    const mask = await page.backend.queryMask(prediction, query);
    if (this.mask !== query) return;
    this.maskLayer = new MaskLayer(mask, this.colour(query), grid(model.mask_stride ?? 4, page.photo, model.input));
    this.pane.draw();
  }

  hover(query) {
    this.hovered = query;
    this.pane.draw();
  }

  /** The query at a pixel of the photo; null where there is none. */
  at({ x, y }) {
    const query = this.shown?.at(x, y) ?? -1;
    return query < 0 ? null : query;
  }

  paint(context, { scale }, { clusterOpacity: opacity }) {
    const { photo } = this.pane.page;
    const query = this.hovered ?? this.query;
    if (this.maskLayer && this.hovered === null) this.maskLayer.paint(context, { photo, scale });
    else this.shown?.paint(context, { photo, scale, opacity, query });
    if (this.pixel) cross(context, this.pixel, scale);
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
