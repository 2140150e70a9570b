// PNG files of 8 bits a channel, read and written value for value: a canvas may change colours on the way, to hide who its user is.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
/** Channels by the colour type of a file. */
const CHANNELS = { 0: 1, 2: 3, 4: 2, 6: 4 };
const COLOUR_TYPES = { 1: 0, 2: 4, 3: 2, 4: 6 };

/** @returns {Promise<Blob>} */
export async function encodePng(data, width, height, channels) {
  const stride = width * channels;
  // Each row with the filter Up, under which maps of few colours are mostly zeros.
  const rows = new Uint8Array((stride + 1) * height);
  for (let y = 0; y < height; y++) {
    const to = y * (stride + 1), from = y * stride;
    rows[to] = 2;
    for (let x = 0; x < stride; x++) rows[to + 1 + x] = data[from + x] - (y ? data[from - stride + x] : 0);
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, COLOUR_TYPES[channels]], 8);
  const packed = await through(new CompressionStream("deflate"), rows);
  const parts = [Uint8Array.from(SIGNATURE), chunk("IHDR", header), chunk("IDAT", packed), chunk("IEND", new Uint8Array())];
  return new Blob(parts, { type: "image/png" });
}

/** Reads what servers of this page write: 8 bits, not interlaced, no palette. */
export async function decodePng(bytes) {
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) throw new Error("The server answers no PNG.");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let width, height, channels;
  const packed = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (kind === "IHDR") {
      [width, height, channels] = [view.getUint32(at + 8), view.getUint32(at + 12), CHANNELS[body[9]]];
      if (body[8] !== 8 || !channels || body[12] !== 0) throw new Error("The server answers a PNG of another form.");
    }
    if (kind === "IDAT") packed.push(body);
    at += length + 12;
  }
  const rows = await through(new DecompressionStream("deflate"), ...packed);
  return { width, height, channels, data: unfiltered(rows, width * channels, height, channels) };
}

function unfiltered(rows, stride, height, channels) {
  const data = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (stride + 1)], from = y * (stride + 1) + 1, to = y * stride;
    for (let x = 0; x < stride; x++) {
      const left = x >= channels ? data[to + x - channels] : 0;
      const up = y ? data[to + x - stride] : 0;
      const corner = x >= channels && y ? data[to + x - stride - channels] : 0;
      data[to + x] = rows[from + x] + predicted(filter, left, up, corner);
    }
  }
  return data;
}

function predicted(filter, left, up, corner) {
  switch (filter) {
    case 0: return 0;
    case 1: return left;
    case 2: return up;
    case 3: return (left + up) >> 1;
    default: {
      const estimate = left + up - corner;
      const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - corner)];
      return a <= b && a <= c ? left : b <= c ? up : corner;
    }
  }
}

async function through(stream, ...parts) {
  const answer = new Response(new Blob(parts).stream().pipeThrough(stream));
  return new Uint8Array(await answer.arrayBuffer());
}

function chunk(kind, body) {
  const bytes = new Uint8Array(body.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, body.length);
  bytes.set([...kind].map((letter) => letter.charCodeAt(0)), 4);
  bytes.set(body, 8);
  view.setUint32(body.length + 8, crc32(bytes.subarray(4, body.length + 8)));
  return bytes;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

/** The checksum of PNG and of zip. */
export function crc32(bytes) {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
