// Maps of assignments and masks over the photo.

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

/** Which query each pixel of a step belongs to. */
export class ClusterLayer {
  /** @param map `width`, `height` and the query of each cell in `data`, negative for none @param colour of a query */
  constructor(map, grid, colour) {
    Object.assign(this, { map, grid, colour });
    this.canvas = coloured(map, colour);
  }

  /** The query at a pixel of the photo. */
  at(x, y) {
    const { size, begin } = this.grid;
    const cell = (at, length) => Math.min(Math.max(Math.floor((at + 0.5 - begin) / size), 0), length - 1);
    return this.map.data[cell(y, this.map.height) * this.map.width + cell(x, this.map.width)];
  }

  /** @param query the one that stands out, or null */
  paint(context, { photo, scale, opacity, query }) {
    over(context, photo, scale, () => {
      context.imageSmoothingEnabled = false;
      if (query !== null) {
        context.fillStyle = "rgb(0 0 0 / 62%)";
        context.fillRect(-1, -1, photo.width + 2, photo.height + 2);
      }
      context.globalAlpha = query === null ? opacity : Math.max(opacity, 0.6);
      placed(context, query === null ? this.canvas : this.#alone(query), this.map, this.grid);
    });
  }

  #alone(query) {
    if (this.alone?.query !== query) this.alone = { query, canvas: coloured(this.map, this.colour, query) };
    return this.alone.canvas;
  }
}

/** The mask of a query: the photo shows where it is probable, in its colour. */
export class MaskLayer {
  /** @param mask `width`, `height` and probabilities times 255 in `data` */
  constructor(mask, [r, g, b], grid) {
    Object.assign(this, { mask, grid });
    const image = new ImageData(mask.width, mask.height);
    mask.data.forEach((value, i) => {
      const part = value / 255;
      image.data.set([r * part, g * part, b * part, 255 - value * 0.55], i * 4);
    });
    this.canvas = canvasOf(image);
  }

  paint(context, { photo, scale }) {
    over(context, photo, scale, () => {
      context.globalAlpha = 0.85;
      context.imageSmoothingEnabled = true;
      placed(context, this.canvas, this.mask, this.grid);
    });
  }
}

/** Paints on the photo alone, its edges included. */
function over(context, photo, scale, paint) {
  context.save();
  context.beginPath();
  context.rect(-0.5 / scale, -0.5 / scale, photo.width + 1 / scale, photo.height + 1 / scale);
  context.clip();
  paint();
  context.restore();
}

const placed = (context, canvas, { width, height }, { size, begin }) => context.drawImage(canvas, begin, begin, width * size, height * size);

/** A cell a pixel; with `only`, the cells of one query alone. */
function coloured({ width, height, data }, colour, only = null) {
  const image = new ImageData(width, height);
  const known = new Map();
  data.forEach((query, i) => {
    if (query < 0 || (only !== null && query !== only)) return;
    if (!known.has(query)) known.set(query, colour(query));
    image.data.set(known.get(query), i * 4);
    image.data[i * 4 + 3] = 255;
  });
  return canvasOf(image);
}

function canvasOf(image) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
