// A map of assignments over the photo: which query each pixel of a step belongs to.

import { ofQuery } from "./colours.js";

/**
 * Where the cells of a map lie in the photo, whose longer edge fills the network's input.
 * @returns `size` of a cell in pixels of the photo, and where the first one begins
 */
export function grid(stride, photo, input) {
  const scale = Math.max(photo.width / input[1], photo.height / input[0]);
  // Corner pixels of maps and input coincide where lengths are odd, else their borders.
  const begin = input[1] % 2 === 1 ? (0.5 - stride / 2) * scale : 0;
  return { size: stride * scale, begin };
}

export class ClusterLayer {
  /** @param map `width`, `height` and the query of each cell in `data` @param grid see {@link grid} */
  constructor(map, grid) {
    Object.assign(this, { map, grid });
    this.canvas = coloured(map, ofQuery);
  }

  /** The query at a pixel of the photo. */
  at(x, y) {
    const { size, begin } = this.grid;
    const cell = (at, length) => Math.min(Math.max(Math.floor((at + 0.5 - begin) / size), 0), length - 1);
    return this.map.data[cell(y, this.map.height) * this.map.width + cell(x, this.map.width)];
  }

  /** @param look `opacity`, and the query that stands out, if one does */
  paint(context, { photo, look, opacity = look.opacity }) {
    const { size, begin } = this.grid;
    const place = [begin, begin, this.map.width * size, this.map.height * size];
    context.save();
    context.beginPath();
    context.rect(0, 0, photo.width, photo.height);
    context.clip();
    context.imageSmoothingEnabled = false;
    if (look.query === null) {
      context.globalAlpha = opacity;
      context.drawImage(this.canvas, ...place);
    } else {
      context.fillStyle = "rgb(0 0 0 / 62%)";
      context.fillRect(0, 0, photo.width, photo.height);
      context.globalAlpha = Math.max(opacity, 0.6);
      context.drawImage(this.#alone(look.query), ...place);
    }
    context.restore();
  }

  #alone(query) {
    if (this.alone?.query !== query) this.alone = { query, canvas: coloured(this.map, ofQuery, query) };
    return this.alone.canvas;
  }
}

/** A cell a pixel, nothing where the query is negative; with `only`, the cells of one query alone. */
export function coloured({ width, height, data }, colour, only = null) {
  const image = new ImageData(width, height);
  const known = new Map();
  data.forEach((query, i) => {
    if (query < 0 || (only !== null && query !== only)) return;
    if (!known.has(query)) known.set(query, colour(query));
    image.data.set(known.get(query), i * 4);
    image.data[i * 4 + 3] = 255;
  });
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** The mask of a query: the photo shows where it is probable, in its colour. */
export class MaskLayer {
  /** @param mask `width`, `height` and probabilities times 255 in `data` */
  constructor(mask, query, grid) {
    this.grid = grid;
    this.mask = mask;
    const [r, g, b] = ofQuery(query);
    const image = new ImageData(mask.width, mask.height);
    mask.data.forEach((value, i) => image.data.set([(r * value) / 255, (g * value) / 255, (b * value) / 255, 255 - value * 0.55], i * 4));
    this.canvas = new OffscreenCanvas(mask.width, mask.height);
    this.canvas.getContext("2d").putImageData(image, 0, 0);
  }

  paint(context, { photo }) {
    const { size, begin } = this.grid;
    context.save();
    context.beginPath();
    context.rect(0, 0, photo.width, photo.height);
    context.clip();
    context.globalAlpha = 0.85;
    context.imageSmoothingEnabled = true;
    context.drawImage(this.canvas, begin, begin, this.mask.width * size, this.mask.height * size);
    context.restore();
  }
}
