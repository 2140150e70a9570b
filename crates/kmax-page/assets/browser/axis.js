// One axis of a bilinear resize, or of two in a row: which source pixels each output pixel mixes.

const f = Math.fround;

/** Where each output position lies, in single precision: `low * (1 - share) + high * share`. */
function samples(from, to, corners) {
  const scale = corners ? (to === 1 ? 0 : f((from - 1) / (to - 1))) : f(from / to);
  const half = corners ? 0 : 0.5;
  return Array.from({ length: to }, (_, out) => {
    const position = Math.max(f(f(f(out + half) * scale) - half), 0);
    const low = Math.min(Math.floor(position), from - 1);
    return { low, high: Math.min(low + 1, from - 1), share: Math.min(Math.max(f(position - low), 0), 1) };
  });
}

/** Every source pixel alone. */
export const identity = (length) => Array.from({ length }, (_, first) => ({ first, weights: [1] }));

/** Resizes what `taps` give to another length. */
export function resized(taps, to, corners) {
  if (taps.length === to) return taps;
  return samples(taps.length, to, corners).map(({ low, high, share }) => mixed(taps[low], taps[high], share));
}

function mixed(a, b, share) {
  const first = Math.min(a.first, b.first);
  const end = Math.max(a.first + a.weights.length, b.first + b.weights.length);
  const weights = new Array(end - first).fill(0);
  a.weights.forEach((weight, i) => (weights[a.first - first + i] += weight * (1 - share)));
  b.weights.forEach((weight, i) => (weights[b.first - first + i] += weight * share));
  return { first, weights };
}

/** Two neighbours of two neighbours are no more. */
export const TAPS = 3;

/**
 * The taps of an axis as plain numbers, {@link TAPS} weights each.
 * @param length of the source; a short one is read beyond its end, at no weight
 */
export function flat(taps, length) {
  const first = new Int32Array(taps.length);
  const weights = new Float64Array(taps.length * TAPS);
  taps.forEach((tap, at) => {
    first[at] = Math.max(Math.min(tap.first, length - TAPS), 0);
    weights.set(tap.weights, at * TAPS + tap.first - first[at]);
  });
  return { first, weights };
}
