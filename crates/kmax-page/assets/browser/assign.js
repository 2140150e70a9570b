// Which query each pixel goes to: masks laid down one after the other, or each pixel to its most probable query.

import { SEVERAL, largest, numerators } from "./claims.js";

const f = Math.fround;

/**
 * Maskwise: from the most to the least confident.
 * @param means each query's mean probability, which may have been taken elsewhere
 * @returns `map`: 0, or 1 + the place in `masks`
 */
export function maskwise(found, best, confident, means, settings) {
  const power = (value, exponent) => (exponent === 1 ? value : f(value ** exponent));
  const order = best.map(({ score }, query) =>
    f(power(score, settings.reorder_class_weight) * power(means[query], settings.reorder_mask_weight)));
  const masks = best.map((best, query) => ({ query, class: best.class, score: f(best.score * means[query]) }));
  masks.sort((a, b) => order[b.query] - order[a.query]);
  const shared = sharedPixels(found.several, best.length);
  // Pixels of several are given out below.
  const ids = new Uint16Array(SEVERAL + 1);
  const overlap = f(settings.overlap_threshold);
  masks.forEach(({ query }, rank) => {
    const pixels = shared.ofQuery[query];
    const whole = found.counts[query];
    const taken = pixels.reduce((sum, at) => sum + (shared.owner[at] ? 1 : 0), 0);
    // In single precision, as both reference implementations count: a mask with exactly the share left is dropped.
    if (!confident[query] || f(whole - taken) <= f(f(whole) * overlap)) return;
    ids[query + 1] = rank + 1;
    for (const at of pixels) shared.owner[at] ||= rank + 1;
  });
  const map = new Uint16Array(found.map.length);
  for (let pixel = 0; pixel < map.length; pixel++) map[pixel] = ids[found.map[pixel]];
  shared.pixels.forEach((pixel, at) => (map[pixel] = shared.owner[at]));
  return { map, masks };
}

/** The pixels that several queries claim, and for each query which of them. */
function sharedPixels(several, queries) {
  const pixels = [];
  const ofQuery = Array.from({ length: queries }, () => []);
  for (let i = 0; i < several.length; i += 2) {
    if (pixels.at(-1) !== several[i]) pixels.push(several[i]);
    ofQuery[several[i + 1]].push(pixels.length - 1);
  }
  return { pixels, ofQuery, owner: new Uint16Array(pixels.length) };
}

/** Pixelwise (MaX-DeepLab): only queries of a confident class have a probability, and only where none of the others is stronger. */
export function pixelwise(masks, best, confident, threshold) {
  const [height, width] = masks.size;
  const map = new Uint16Array(height * width);
  const counts = new Float64Array(best.length), sums = new Float64Array(best.length);
  const limit = f(threshold);
  masks.eachPixel((pixel, row) => {
    const query = largest(row);
    if (!confident[query]) return;
    for (let other = 0; other < row.length; other++) if (!confident[other]) row[other] = -Infinity;
    const probability = f(1 / numerators(row, row[query]));
    if (!(probability > limit)) return;
    map[pixel] = query + 1;
    counts[query] += 1;
    sums[query] += probability;
  });
  const mean = (query) => f(counts[query] ? sums[query] / counts[query] : 0);
  return { map, masks: best.map((best, query) => ({ query, class: best.class, score: f(best.score * mean(query)) })) };
}
