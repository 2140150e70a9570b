// Pillow's bilinear resize of 8-bit images in its own integer arithmetic, bit for bit as `kmax segment` does it.

const BITS = 22;

/** For each output pixel of an axis: the first source pixel, how many, and their integer weights. */
function weights(source, target) {
  const scale = source / target;
  const support = Math.max(scale, 1);
  const inverse = 1 / support;
  return Array.from({ length: target }, (_, out) => {
    const center = (out + 0.5) * scale;
    const first = Math.trunc(Math.max(center - support + 0.5, 0));
    const end = Math.min(Math.trunc(center + support + 0.5), source);
    const raw = new Float64Array(end - first);
    let sum = 0;
    for (let i = 0; i < raw.length; i++) {
      raw[i] = Math.max(1 - Math.abs((first + i - center + 0.5) * inverse), 0);
      sum += raw[i];
    }
    return { first, weights: Int32Array.from(raw, (weight) => Math.trunc(0.5 + (weight / sum) * (1 << BITS))) };
  });
}

/**
 * Resizes interleaved pixels; of `channels` values a pixel the first three are taken.
 * @returns {Uint8Array} `height x width x 3`
 */
export function resize(pixels, [sourceHeight, sourceWidth], [height, width], channels = 4) {
  const narrow = across(pixels, sourceHeight, sourceWidth, width, channels);
  return sourceHeight === height ? narrow : down(narrow, sourceHeight, height, width);
}

/** Along x, rounded to 8 bits. */
function across(pixels, height, sourceWidth, width, channels) {
  const out = new Uint8Array(height * width * 3);
  const columns = sourceWidth === width ? null : weights(sourceWidth, width);
  for (let y = 0, to = 0; y < height; y++) {
    const row = y * sourceWidth * channels;
    for (let x = 0; x < width; x++, to += 3) {
      if (!columns) {
        const at = row + x * channels;
        for (let c = 0; c < 3; c++) out[to + c] = pixels[at + c];
        continue;
      }
      const column = columns[x];
      let red = 1 << (BITS - 1), green = red, blue = red;
      for (let i = 0, at = row + column.first * channels; i < column.weights.length; i++, at += channels) {
        const weight = column.weights[i];
        red += pixels[at] * weight;
        green += pixels[at + 1] * weight;
        blue += pixels[at + 2] * weight;
      }
      out[to] = clamp(red >> BITS);
      out[to + 1] = clamp(green >> BITS);
      out[to + 2] = clamp(blue >> BITS);
    }
  }
  return out;
}

/** Along y, rounded to 8 bits. */
function down(pixels, sourceHeight, height, width) {
  const stride = width * 3;
  const out = new Uint8Array(height * stride);
  const sums = new Int32Array(stride);
  weights(sourceHeight, height).forEach(({ first, weights }, y) => {
    sums.fill(1 << (BITS - 1));
    weights.forEach((weight, i) => {
      const row = (first + i) * stride;
      for (let x = 0; x < stride; x++) sums[x] += pixels[row + x] * weight;
    });
    for (let x = 0; x < stride; x++) out[y * stride + x] = clamp(sums[x] >> BITS);
  });
  return out;
}

const clamp = (value) => (value < 0 ? 0 : value > 255 ? 255 : value);
