// Mask logits, looked at in another size pixel by pixel, without ever holding them in that size.

import * as axis from "./axis.js";

export class Masks {
  /** @param logits `[queries, height, width]` @param size height and width */
  constructor(logits, queries, size) {
    this.queries = queries;
    this.source = size;
    this.rows = axis.identity(size[0]);
    this.columns = axis.identity(size[1]);
    // The queries of a pixel side by side.
    this.cells = new Float32Array(logits.length);
    const plane = size[0] * size[1];
    for (let query = 0, from = 0; query < queries; query++) {
      for (let pixel = 0; pixel < plane; pixel++, from++) this.cells[pixel * queries + query] = logits[from];
    }
  }

  get size() {
    return [this.rows.length, this.columns.length];
  }

  /** The upper left part of that size. */
  cropped([height, width]) {
    return looked(this, this.rows.slice(0, height), this.columns.slice(0, width));
  }

  /** In another size; `corners` says how positions are aligned. */
  resized([height, width], corners) {
    return looked(this, axis.resized(this.rows, height, corners), axis.resized(this.columns, width, corners));
  }

  /** Calls `see(pixel, logits)` for every pixel, with the logits of all queries, which are overwritten for the next. */
  eachPixel(see) {
    const { queries, source } = this;
    const width = this.columns.length;
    const { first, weights } = axis.flat(this.columns, source[1]);
    const line = new Float32Array(Math.max(source[1], axis.TAPS) * queries);
    const logits = new Float32Array(queries);
    let pixel = 0;
    for (const row of this.rows) {
      mixRows(this.cells, row, source[1] * queries, line);
      for (let x = 0; x < width; x++, pixel++) {
        const [a, b, c] = [weights[3 * x], weights[3 * x + 1], weights[3 * x + 2]];
        for (let query = 0, at = first[x] * queries; query < queries; query++, at++) {
          logits[query] = line[at] * a + line[at + queries] * b + line[at + 2 * queries] * c;
        }
        see(pixel, logits);
      }
    }
  }
}

/** The same masks by other taps. */
const looked = (masks, rows, columns) => Object.assign(Object.create(Masks.prototype), masks, { rows, columns });

function mixRows(cells, { first, weights }, length, line) {
  line.fill(0);
  weights.forEach((weight, tap) => {
    const start = (first + tap) * length;
    for (let i = 0; i < length; i++) line[i] += cells[start + i] * weight;
  });
}
