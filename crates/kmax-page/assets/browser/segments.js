// From logits to segments: post-processing by the rules of `kmax segment`, with thresholds that may change.

import { maskwise, pixelwise } from "./assign.js";
import { claims, probable } from "./claims.js";
import { best } from "./classes.js";
import { Masks } from "./masks.js";

const f = Math.fround;
/** Probabilities below are hardly ever asked for. */
const FLOOR = 0.1;

/** What the network said about one photo; segments come of it as often as thresholds change. */
export class Answer {
  #probable = new Map();

  /** @param said `classLogits`, `maskLogits`, `queries`, `maskSize` and `frame` @param model what `config.json` says of the model */
  constructor(said, model) {
    this.said = said;
    this.model = model;
    this.deeplab2 = model.postprocess.manner === "deeplab2";
    this.corners = model.resize_rule === "corners" || said.frame.input[1] % 2 === 1;
    this.best = best(said.classLogits, said.queries, model.categories.length);
    this.small = new Masks(said.maskLogits, said.queries, said.maskSize);
    this.masks = this.#resized();
  }

  /** The masks in the size that the convention works in: the whole input (deeplab2), or the photo (PyTorch). */
  #resized() {
    const { input, image } = this.said.frame;
    const whole = this.small.resized(input, this.corners);
    return this.deeplab2 ? whole : whole.cropped(pytorchContent(input, image)).resized(image, this.corners);
  }

  /** The masks are looked at once, unless a threshold goes below the floor. */
  #claimed(masks, threshold) {
    let found = this.#probable.get(masks);
    if (!found || threshold < found.floor) {
      found = probable(masks, Math.min(threshold, FLOOR));
      this.#probable.set(masks, found);
    }
    return claims(found, threshold);
  }

  /** @returns `width`, `height`, `segments` as the server lists them, and the `map` of their ids */
  segments(thresholds) {
    const settings = { ...this.model.postprocess, ...thresholds };
    const assignment = this.#assign(settings);
    const { ids, segments } = numbered(assignment, this.model.categories, this.deeplab2 ? settings : null);
    for (let pixel = 0; pixel < assignment.map.length; pixel++) assignment.map[pixel] = ids[assignment.map[pixel]];
    const map = this.#inImage(assignment.map);
    return { ...measured(map, this.said.frame.image, segments), map };
  }

  #assign(settings) {
    const { categories } = this.model;
    const confident = this.best.map(({ class: index, score }) => {
      const limit = f(categories[index].isthing ? settings.class_threshold_thing : settings.class_threshold_stuff);
      return this.deeplab2 ? score >= limit : score > limit;
    });
    if (settings.method === "pixelwise") return pixelwise(this.masks, this.best, confident, settings.pixel_threshold);
    const found = this.#claimed(this.masks, settings.pixel_threshold);
    // deeplab2 scores a mask before it is resized, padding included.
    const { means } = this.deeplab2 ? this.#claimed(this.small, settings.pixel_threshold) : found;
    return maskwise(found, this.best, confident, means, settings);
  }

  #inImage(map) {
    const { input, content, image } = this.said.frame;
    return this.deeplab2 ? nearest(map, input[1], content, image) : map;
  }
}

/** Where the PyTorch implementation cuts the padding off: its own rounding, halves to even. */
function pytorchContent(input, image) {
  const scale = Math.max(...input) / Math.max(...image);
  return image.map((length, axis) => Math.min(Math.max(halvesToEven(length * scale), 1), input[axis]));
}

function halvesToEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}

/** Numbers segments from 1 on: one of each thing, one of all masks of a stuff class. `limits` on areas are deeplab2's. */
function numbered({ map, masks }, categories, limits) {
  const areas = new Float64Array(masks.length + 1);
  for (let pixel = 0; pixel < map.length; pixel++) areas[map[pixel]] += 1;
  const stuff = new Map();
  masks.forEach((mask, rank) => {
    if (!categories[mask.class].isthing && areas[rank + 1] > 0) {
      stuff.set(mask.class, { area: (stuff.get(mask.class)?.area ?? 0) + areas[rank + 1] });
    }
  });
  const ids = new Uint16Array(masks.length + 1);
  const segments = [];
  masks.forEach((mask, rank) => {
    const category = categories[mask.class];
    if (areas[rank + 1] === 0) return;
    const merged = stuff.get(mask.class);
    const limit = limits ? (merged ? limits.stuff_area_limit : limits.thing_area_limit) : 0;
    if ((merged?.area ?? areas[rank + 1]) < limit) return;
    if (merged?.id) {
      ids[rank + 1] = merged.id;
      segments[merged.id - 1].queries.push(mask.query);
      return;
    }
    const id = segments.length + 1;
    ids[rank + 1] = id;
    if (merged) merged.id = id;
    const { name, isthing } = category;
    segments.push({ id, category_id: category.id, name, isthing, score: mask.score, queries: [mask.query] });
  });
  return { ids, segments };
}

/** The `content` of a map of that width, in the size of the photo: by nearest pixel with aligned corners, halves up. */
function nearest(map, width, content, image) {
  const picks = (from, to) => {
    const step = to > 1 ? f((from - 1) / (to - 1)) : f(from / to);
    return Array.from({ length: to }, (_, out) => {
      const position = f(out * step);
      const below = Math.floor(position);
      return Math.min(f(position - below) >= 0.5 ? below + 1 : below, from - 1);
    });
  };
  const columns = picks(content[1], image[1]);
  const out = new Uint16Array(image[0] * image[1]);
  picks(content[0], image[0]).forEach((row, y) => {
    columns.forEach((column, x) => (out[y * image[1] + x] = map[row * width + column]));
  });
  return out;
}

/** Adds areas and boxes; a segment that has no pixel in the photo is none. */
function measured(map, [height, width], segments) {
  // Void, which is 0, is measured along with them.
  const extents = [null, ...segments].map(() => ({ area: 0, left: width, top: height, right: 0, bottom: 0 }));
  for (let y = 0, pixel = 0; y < height; y++) {
    for (let x = 0; x < width; ) {
      // Neighbours are mostly alike: run by run.
      const id = map[pixel];
      const begin = x;
      do {
        x++;
        pixel++;
      } while (x < width && map[pixel] === id);
      const extent = extents[id];
      extent.area += x - begin;
      if (begin < extent.left) extent.left = begin;
      if (x > extent.right) extent.right = x;
      if (y < extent.top) extent.top = y;
      extent.bottom = y + 1;
    }
  }
  const rounded = (value) => Math.round(value * 1e6) / 1e6;
  const listed = segments.map(({ id, category_id, name, isthing, score, queries }, index) => {
    const { area, left, top, right, bottom } = extents[index + 1];
    const bbox = [left, top, right - left, bottom - top];
    const share = rounded(area / (width * height));
    return { id, category_id, name, isthing, score: rounded(score), area, share, bbox, iscrowd: 0, query: queries[0], queries };
  });
  return { width, height, segments: listed.filter((segment) => segment.area > 0) };
}
