// Bilinear resizing with aligned corners, as TensorFlow (and so deeplab2) does it: in single precision, not rounded.

const f = Math.fround;

/** For each output pixel of an axis: its two neighbours and the share of the second. */
function positions(source, target) {
  const step = target > 1 ? f((source - 1) / (target - 1)) : f(source / target);
  return Array.from({ length: target }, (_, out) => {
    const position = f(out * step);
    const low = Math.min(Math.floor(position), source - 1);
    return { low, high: Math.min(low + 1, source - 1), share: f(position - low) };
  });
}

/**
 * Resizes interleaved pixels; of `channels` values a pixel the first three are taken.
 * @returns {Float32Array} `height x width x 3`
 */
export function resize(pixels, [sourceHeight, sourceWidth], [height, width], channels = 4) {
  const out = new Float32Array(height * width * 3);
  const columns = positions(sourceWidth, width);
  positions(sourceHeight, height).forEach((row, y) => {
    const above = row.low * sourceWidth, below = row.high * sourceWidth;
    columns.forEach((column, x) => {
      for (let c = 0; c < 3; c++) {
        const value = (line, at) => pixels[(line + at) * channels + c];
        const mix = (a, b, share) => f(a + f(f(b - a) * share));
        const top = mix(value(above, column.low), value(above, column.high), column.share);
        const bottom = mix(value(below, column.low), value(below, column.high), column.share);
        out[(y * width + x) * 3 + c] = mix(top, bottom, row.share);
      }
    });
  });
  return out;
}
