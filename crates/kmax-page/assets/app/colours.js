// Colours of segments and of queries, as `[r, g, b]`.

export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

/** Each segment has its class's colour; further ones of the class are lighter and darker. */
export function ofSegments(segments, categories) {
  const known = new Map(categories.map((category) => [category.id, category.color]));
  const seen = new Map();
  return new Map(segments.map(({ id, category_id }) => {
    const nth = seen.get(category_id) ?? 0;
    seen.set(category_id, nth + 1);
    return [id, shifted(known.get(category_id) ?? [128, 128, 128], nth)];
  }));
}

function shifted(colour, nth) {
  if (nth === 0) return colour;
  const towards = nth % 2 ? 255 : 0;
  const share = Math.min(0.28 * Math.ceil(nth / 2), 0.7);
  return colour.map((value) => Math.round(value + (towards - value) * share));
}

/** The golden angle, by which neighbours in number lie far apart in hue. */
const TURN = 137.508;

/** The colour of a query, the same in every step; a hint of it if the query is void. */
export function ofQuery(query, isVoid) {
  const hue = (query * TURN + 25) % 360;
  if (isVoid) return oklch([0.78, 0.7, 0.86, 0.62][query % 4], 0.022, hue);
  return oklch([0.74, 0.64, 0.83][query % 3], 0.14, hue);
}

/** OKLCH, in which equal lightness looks equally light, as sRGB. */
function oklch(lightness, chroma, hue) {
  const a = chroma * Math.cos((hue * Math.PI) / 180), b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return linear.map((value) => {
    const light = value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055;
    return Math.round(Math.min(Math.max(light, 0), 1) * 255);
  });
}
