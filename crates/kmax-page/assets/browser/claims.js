// Where queries are above a threshold.

import { exponential } from "./exponential.js";

/** Marks a pixel that several queries claim. */
export const SEVERAL = 0xffff;

/**
 * Looks at every pixel of the masks once, which takes long; claims above any threshold from `floor` on follow quickly.
 * @returns of each pixel the most probable `query` and its `probability`; of others that are above `floor`, in the order of pixels:
 *   `pixels`, `queries`, `probabilities`
 */
export function probable(masks, floor) {
  const [height, width] = masks.size;
  const query = new Uint16Array(height * width);
  const probability = new Float32Array(height * width);
  const others = { pixels: [], queries: [], probabilities: [] };
  masks.eachPixel((pixel, row) => {
    const best = largest(row);
    const sum = numerators(row, row[best]);
    query[pixel] = best;
    probability[pixel] = 1 / sum;
    // What the best one leaves is the most that another can have.
    if (1 - 1 / sum < floor) return;
    for (let other = 0; other < row.length; other++) {
      if (row[other] > floor * sum && other !== best) {
        others.pixels.push(pixel);
        others.queries.push(other);
        others.probabilities.push(Math.fround(row[other] / sum));
      }
    }
  });
  return { queries: masks.queries, query, probability, others, floor };
}

/** The place of the first of the largest. */
export function largest(row) {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i;
  return best;
}

/** Makes the numerators of a softmax of a row of logits, of which the largest is `most` and becomes 1; gives their sum. */
export function numerators(row, most) {
  let sum = 0;
  for (let i = 0; i < row.length; i++) {
    const numerator = exponential(row[i] - most);
    row[i] = numerator;
    sum += numerator;
  }
  return sum;
}

/**
 * What queries claim above a threshold, which is not below the floor of `found`.
 * @returns `map`: 0 where no query is above the threshold, 1 + the query where one is, {@link SEVERAL} where several are; `several`: pixel
 *   and query of every claim of those, by rising pixel; `counts` and `means` of each query
 */
export function claims({ queries, query, probability, others }, threshold) {
  const limit = Math.fround(threshold);
  const map = new Uint16Array(query.length);
  const several = [];
  const counts = new Float64Array(queries), sums = new Float64Array(queries);
  for (let pixel = 0; pixel < map.length; pixel++) {
    if (!(probability[pixel] > limit)) continue;
    map[pixel] = query[pixel] + 1;
    counts[query[pixel]] += 1;
    sums[query[pixel]] += probability[pixel];
  }
  others.pixels.forEach((pixel, at) => {
    if (!(others.probabilities[at] > limit)) return;
    const other = others.queries[at];
    counts[other] += 1;
    sums[other] += others.probabilities[at];
    if (map[pixel] !== SEVERAL) several.push(pixel, query[pixel]);
    several.push(pixel, other);
    map[pixel] = SEVERAL;
  });
  const means = Float32Array.from(counts, (count, query) => (count ? sums[query] / count : 0));
  return { map, several, counts, means };
}
