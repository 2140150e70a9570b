// Which part of the photo is looked at, shared by all stages that show it.

const MOST_PIXELS = 32;

export class View extends EventTarget {
  /** Times the size at which the photo just fits. */
  zoom = 1;
  /** The middle, in pixels of the photo. */
  x = 0;
  y = 0;

  constructor(width, height) {
    super();
    Object.assign(this, { width, height, x: width / 2, y: height / 2 });
  }

  /** Screen pixels for each of the photo on a stage of that size, and where its upper left corner lies. */
  place(across, down) {
    const scale = this.#fit(across, down) * this.zoom;
    const along = (middle, length, room) => (length * scale <= room ? (room - length * scale) / 2 : room / 2 - middle * scale);
    return { scale, left: along(this.x, this.width, across), top: along(this.y, this.height, down) };
  }

  #fit(across, down) {
    return Math.min(across / this.width, down / this.height);
  }

  /** Zooms by a factor; what lies at a point of the stage stays there. */
  zoomBy(factor, [pointX, pointY], [across, down]) {
    const before = this.place(across, down);
    const most = Math.max(MOST_PIXELS / this.#fit(across, down), 1);
    this.zoom = Math.min(Math.max(this.zoom * factor, 1), most);
    const scale = this.#fit(across, down) * this.zoom;
    const kept = (point, corner, room) => (point - corner) / before.scale + (room / 2 - point) / scale;
    this.#moveTo(kept(pointX, before.left, across), kept(pointY, before.top, down), across, down);
  }

  /** Moves the photo by screen pixels. */
  panBy(dx, dy, [across, down]) {
    const { scale } = this.place(across, down);
    this.#moveTo(this.x - dx / scale, this.y - dy / scale, across, down);
  }

  /** The whole photo. */
  reset() {
    Object.assign(this, { zoom: 1, x: this.width / 2, y: this.height / 2 });
    this.dispatchEvent(new Event("change"));
  }

  #moveTo(x, y, across, down) {
    const scale = this.#fit(across, down) * this.zoom;
    const within = (middle, length, room) => {
      const half = Math.min(room / scale / 2, length / 2);
      return Math.min(Math.max(middle, half), length - half);
    };
    this.x = within(x, this.width, across);
    this.y = within(y, this.height, down);
    this.dispatchEvent(new Event("change"));
  }
}
