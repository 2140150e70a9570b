// Which part of a map that the network computed of its input shows the photo: its upper left part.

export class Covered {
  /** @param frame sizes of input, content and image @param map height and width @param corners how the network aligns positions */
  constructor(frame, map, corners) {
    Object.assign(this, { frame, map, corners });
    this.size = [0, 1].map((axis) => this.#place(axis, frame.content[axis] - 1) + 1);
  }

  /** The row or column of the map nearest to one of the input. */
  #place(axis, at) {
    const input = this.frame.input[axis], map = this.map[axis];
    const place = this.corners ? (at * (map - 1)) / Math.max(input - 1, 1) : ((at + 0.5) * map) / input - 0.5;
    return Math.min(Math.max(Math.round(place), 0), map - 1);
  }

  /** The place in the map, row by row, of a pixel of the photo. */
  at(x, y) {
    const { content, image } = this.frame;
    const of = (axis, at) => this.#place(axis, ((at + 0.5) * content[axis]) / image[axis] - 0.5);
    return of(0, y) * this.map[1] + of(1, x);
  }

  /** The part as an array of what `value` says of each place in the whole map. */
  cut(values, value) {
    const [height, width] = this.size;
    const out = new values(height * width);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) out[y * width + x] = value(y * this.map[1] + x);
    }
    return out;
  }
}
