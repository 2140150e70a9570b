// What the k-means steps did: which pixels went to which query, what a query was on the way, and what is near a pixel.

import { largest, numerators } from "./claims.js";
import { probabilities } from "./classes.js";
import { Covered } from "./covered.js";

/** Strides of the maps that the steps read, coarsest first, as the model says how many steps read each. */
const STRIDES = [32, 16, 8];

export class Explanation {
  /** @param answer see `segments.js` @param steps class and mask logits of each step */
  constructor(answer, steps) {
    const { said, model } = answer;
    this.answer = answer;
    this.classes = model.categories.length;
    const strides = STRIDES.flatMap((stride, index) => Array(model.layers[index]).fill(stride));
    this.steps = steps.map((step, index) => new Layer(step, said, answer.corners, { step: index + 1, stride: strides[index] }));
    this.final = new Layer({ classLogits: said.classLogits, maskLogits: said.maskLogits, size: said.maskSize }, said, answer.corners);
  }

  /** Best classes, void among them, where the most probable is told. */
  #told(layer, query, count) {
    const row = probabilities(layer.classLogits, query, this.classes);
    const told = (index) => {
      const category = this.answer.model.categories[index];
      return { category_id: category?.id ?? null, name: category?.name ?? "void", probability: row[index] };
    };
    return Array.from(row.keys()).sort((a, b) => row[b] - row[a]).slice(0, count).map(told);
  }

  summary() {
    const counts = this.steps.map((layer) => layer.pixels);
    const { segments: found } = this.answer.segments({});
    const segments = new Map(found.flatMap(({ id, queries }) => queries.map((query) => [query, id])));
    return {
      steps: this.steps.map((layer, index) => ({
        step: layer.step, stride: layer.stride, height: layer.covered.size[0], width: layer.covered.size[1],
        queries_with_pixels: counts[index].filter((count) => count > 0).length,
      })),
      queries: Array.from({ length: this.answer.said.queries }, (_, query) => {
        const [{ category_id, probability }] = this.#told(this.final, query, 1);
        const pixels = counts.map((count) => count[query]);
        return { query, category_id, probability, segment_id: segments.get(query) ?? null, pixels };
      }),
    };
  }

  stepMap(step) {
    const { covered, assignment } = this.steps[step - 1];
    return { height: covered.size[0], width: covered.size[1], data: assignment };
  }

  query(query) {
    const history = this.steps.map((layer) => {
      const pixels = layer.pixels[query];
      return { step: layer.step, stride: layer.stride, pixels, share: pixels / layer.assignment.length, ...this.#told(layer, query, 1)[0] };
    });
    return { query, classes: this.#told(this.final, query, 5), history };
  }

  queryMask(query) {
    const { covered } = this.final;
    const data = covered.cut(Uint8Array, (place) => Math.round(this.final.probabilities(place)[query] * 255));
    return { height: covered.size[0], width: covered.size[1], data };
  }

  pixel(x, y) {
    const nearest = (layer, count) => {
      const row = layer.probabilities(layer.covered.at(x, y));
      const order = Array.from(row.keys()).sort((a, b) => row[b] - row[a]).slice(0, count);
      return order.map((query) => ({ query, probability: row[query] }));
    };
    const name = (layer, query) => this.#told(layer, query, 1)[0].name;
    return {
      nearest: nearest(this.final, 5).map((near) => ({ ...near, name: name(this.final, near.query) })),
      steps: this.steps.map((layer) => {
        const near = nearest(layer, 3);
        const { step, stride } = layer;
        return { step, stride, query: near[0].query, name: name(layer, near[0].query), nearest: near };
      }),
    };
  }
}

/** What a predictor said: of a step, or in the end. */
class Layer {
  #assignment;

  constructor({ classLogits, maskLogits, size }, { queries, frame }, corners, about = {}) {
    Object.assign(this, { classLogits, maskLogits, queries, plane: size[0] * size[1], ...about });
    this.covered = new Covered(frame, size, corners);
  }

  /** Probability of each query at a place of the whole map. */
  probabilities(place) {
    const row = Float64Array.from({ length: this.queries }, (_, query) => this.maskLogits[query * this.plane + place]);
    const sum = numerators(row, row[largest(row)]);
    return row.map((numerator) => numerator / sum);
  }

  /** The query of each pixel, of the part that shows the photo. */
  get assignment() {
    this.#assignment ??= this.covered.cut(Uint16Array, (place) => {
      let best = 0;
      for (let query = 1; query < this.queries; query++) {
        if (this.maskLogits[query * this.plane + place] > this.maskLogits[best * this.plane + place]) best = query;
      }
      return best;
    });
    return this.#assignment;
  }

  /** How many pixels went to each query. */
  get pixels() {
    const pixels = new Array(this.queries).fill(0);
    for (const query of this.assignment) pixels[query] += 1;
    return pixels;
  }
}
