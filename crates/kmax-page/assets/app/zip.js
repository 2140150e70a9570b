// Several files as one zip archive, stored as they are: PNGs are packed already.

import { crc32 } from "./png.js";

/** @param files `[name, Blob]` @returns {Promise<Blob>} */
export async function zip(files) {
  const parts = [];
  const directory = [];
  let at = 0;
  for (const [name, blob] of files) {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const title = new TextEncoder().encode(name);
    const facts = { crc: crc32(bytes), size: bytes.length, title, at };
    const header = record(0x04034b50, 30, facts);
    parts.push(header, title, bytes);
    directory.push(record(0x02014b50, 46, facts), title);
    at += header.length + title.length + bytes.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, files.length, true);
  end.setUint16(10, files.length, true);
  end.setUint32(12, size, true);
  end.setUint32(16, at, true);
  return new Blob([...parts, ...directory, end.buffer], { type: "application/zip" });
}

/** The header of a file before its bytes, or its entry in the directory, which is the same behind two bytes more. */
function record(signature, length, { crc, size, title, at }) {
  const view = new DataView(new ArrayBuffer(length));
  const shift = length === 46 ? 2 : 0;
  view.setUint32(0, signature, true);
  view.setUint16(4, 20, true);
  view.setUint16(4 + shift, 20, true);
  // Names are UTF-8; the date is the first that the format knows.
  view.setUint16(6 + shift, 0x0800, true);
  view.setUint16(12 + shift, 0x21, true);
  view.setUint32(14 + shift, crc, true);
  view.setUint32(18 + shift, size, true);
  view.setUint32(22 + shift, size, true);
  view.setUint16(26 + shift, title.length, true);
  if (shift) view.setUint32(42, at, true);
  return new Uint8Array(view.buffer);
}
