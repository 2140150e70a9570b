// Label maps as the colours of panoptic PNGs, id = R + 256 G + 65536 B, and back.

export function idsAsColours(ids) {
  const colours = new Uint8Array(ids.length * 3);
  for (let i = 0, to = 0; i < ids.length; i++) {
    colours[to++] = ids[i];
    colours[to++] = ids[i] >> 8;
    colours[to++] = ids[i] >> 16;
  }
  return colours;
}

/** Of a decoded PNG; where it is grey, the values themselves. */
export function coloursAsIds({ data, channels }) {
  if (channels < 3) return Uint32Array.from({ length: data.length / channels }, (_, i) => data[i * channels]);
  const ids = new Uint32Array(data.length / channels);
  for (let i = 0, from = 0; i < ids.length; i++, from += channels) {
    ids[i] = data[from] + 256 * data[from + 1] + 65536 * data[from + 2];
  }
  return ids;
}
