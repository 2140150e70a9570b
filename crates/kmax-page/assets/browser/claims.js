// Where queries are above a threshold.

/** Marks a pixel that several queries claim. */
const SEVERAL = 0xffff;

/**
 * Looks at every pixel of the masks once.
 * @returns `map`: 0 where no query is above the threshold, 1 + the query where one is, {@link SEVERAL} where several are; `several`: pixel
 *   and query of every claim of those, by rising pixel; `counts` and `means` of each query
 */
export function claims(masks, threshold) {
  const [height, width] = masks.size;
  const map = new Uint16Array(height * width);
  const several = [];
  const counts = new Float64Array(masks.queries), sums = new Float64Array(masks.queries);
  const limit = Math.fround(threshold);
  masks.eachPixel((pixel, queries, logits, count) => {
    softmax(logits, count);
    for (let i = 0; i < count; i++) {
      if (!(logits[i] > limit)) continue;
      const query = queries[i];
      counts[query] += 1;
      sums[query] += logits[i];
      if (map[pixel] === 0) {
        map[pixel] = query + 1;
        continue;
      }
      if (map[pixel] !== SEVERAL) several.push(pixel, map[pixel] - 1);
      several.push(pixel, query);
      map[pixel] = SEVERAL;
    }
  });
  const means = Float32Array.from(counts, (count, query) => (count ? sums[query] / count : 0));
  return { map, several: Uint32Array.from(several), counts, means };
}

/** Makes probabilities of the first `count` logits. */
export function softmax(logits, count) {
  let most = -Infinity;
  for (let i = 0; i < count; i++) if (logits[i] > most) most = logits[i];
  let sum = 0;
  for (let i = 0; i < count; i++) sum += logits[i] = Math.exp(logits[i] - most);
  for (let i = 0; i < count; i++) logits[i] /= sum;
}
