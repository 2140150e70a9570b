// From a photo to the network's input, by the rules of `kmax segment`.

import * as corners from "./corners.js";
import * as pillow from "./pillow.js";

/** What padding holds before it is normalised. */
const PAD = 127.5;
const f = Math.fround;

/**
 * @param photo pixels `data` of 4 bytes, `height`, `width`
 * @param settings the model's `preprocess`
 * @returns the values `[3, height, width]`, and the frame: sizes (height, width) of `input`, of the `content` that shows the photo, and
 *   of the `image`
 */
export function preprocess(photo, settings) {
  const image = [photo.height, photo.width];
  const content = contentSize(image, settings);
  const input = settings.resize.family === "fit" ? content.map(nextOdd) : [settings.size.height, settings.size.width];
  if (content[0] > input[0] || content[1] > input[1]) {
    throw new Error(`This photo of ${image[1]} × ${image[0]} pixels does not fit the model's input of ${input[1]} × ${input[0]}.`);
  }
  const { resize } = settings.resize.family === "deeplab2" ? corners : pillow;
  const pixels = resize(photo.data, image, content);
  return { values: normalised(pixels, content, input, settings), frame: { input, content, image } };
}

const nextOdd = (length) => Math.floor((length + 30) / 32) * 32 + 1;

function normalised(pixels, content, input, settings) {
  const plane = input[0] * input[1];
  const values = new Float32Array(3 * plane);
  for (let c = 0; c < 3; c++) {
    const mean = f(settings.image_mean[c]), deviation = f(settings.image_std[c]);
    values.fill(f(f(PAD - mean) / deviation), c * plane, (c + 1) * plane);
    for (let y = 0; y < content[0]; y++) {
      let to = c * plane + y * input[1], from = y * content[1] * 3 + c;
      for (let x = 0; x < content[1]; x++, to++, from += 3) values[to] = f(f(pixels[from] - mean) / deviation);
    }
  }
  return values;
}

/** Height and width that the photo gets. */
function contentSize(image, { resize, size }) {
  const sizes = {
    fit: () => {
      const scale = resize.longest_edge / Math.max(...image);
      return image.map((length) => Math.round(length * scale));
    },
    pytorch: () => shortestEdge(image, resize),
    deeplab2: () => toRange(image, resize.min, resize.max ?? [size.height, size.width]),
  };
  // A pixel of the thinnest photos stays.
  return sizes[resize.family]().map((length) => Math.max(length, 1));
}

/** detectron2's `ResizeShortestEdge`. */
function shortestEdge([height, width], { shortest_edge: shortest, longest_edge: longest }) {
  const scale = shortest / Math.min(height, width);
  let size = height < width ? [shortest, scale * width] : [scale * height, shortest];
  const most = Math.max(...size);
  if (most > longest) size = size.map((length) => length * (longest / most));
  return size.map((length) => Math.floor(length + 0.5));
}

/** deeplab2's `resize_to_range`: at least `min`, then at most `max`, each rounded down in single precision. */
function toRange(image, min, max) {
  const ratios = (size, target) => size.map((length, axis) => target[axis] / Math.max(length, 1));
  const scaled = (size, factor) => size.map((length) => Math.floor(f(f(length) * f(factor))));
  let size = image;
  if (min) size = scaled(size, Math.max(...ratios(size, min)));
  return scaled(size, Math.min(1, ...ratios(size, max)));
}
