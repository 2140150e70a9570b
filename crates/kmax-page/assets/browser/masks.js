// Mask logits, looked at in another size pixel by pixel, without ever holding them in that size.

import * as axis from "./axis.js";

/** A query whose logit is this much below another's has no share in a pixel that single precision could show. */
const NEGLIGIBLE = 20;

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

  /**
   * Calls `see(pixel, queries, logits, count)` for every pixel: the first `count` entries are the queries that matter there, by rising
   * index, and their logits.
   */
  eachPixel(see) {
    const { queries, columns } = this;
    const line = new Float32Array(this.source[1] * queries);
    const active = new Uint16Array(queries);
    const logits = new Float32Array(queries);
    let pixel = 0;
    for (const row of this.rows) {
      mixRows(this.cells, row, line);
      let count = 0;
      let last = null;
      for (const column of columns) {
        const { first, weights } = column;
        if (!last || last.first !== first || last.weights.length !== weights.length) {
          count = relevant(line, queries, first, weights.length, active);
        }
        last = column;
        for (let i = 0; i < count; i++) {
          let logit = 0;
          for (let tap = 0, at = first * queries + active[i]; tap < weights.length; tap++, at += queries) {
            logit += line[at] * weights[tap];
          }
          logits[i] = logit;
        }
        see(pixel++, active, logits, count);
      }
    }
  }
}

/** The same masks by other taps. */
const looked = (masks, rows, columns) => Object.assign(Object.create(Masks.prototype), masks, { rows, columns });

function mixRows(cells, { first, weights }, line) {
  line.fill(0);
  weights.forEach((weight, tap) => {
    const start = (first + tap) * line.length;
    for (let i = 0; i < line.length; i++) line[i] += cells[start + i] * weight;
  });
}

/** The queries that can have a share between the source pixels `first` and `first + length`: a mix never leaves its neighbours' range. */
function relevant(line, queries, first, length, active) {
  const start = first * queries, end = start + length * queries;
  let least = -Infinity;
  for (let query = 0; query < queries; query++) {
    let low = Infinity;
    for (let at = start + query; at < end; at += queries) low = Math.min(low, line[at]);
    least = Math.max(least, low);
  }
  let count = 0;
  for (let query = 0; query < queries; query++) {
    for (let at = start + query; at < end; at += queries) {
      if (line[at] >= least - NEGLIGIBLE) {
        active[count++] = query;
        break;
      }
    }
  }
  return count;
}
