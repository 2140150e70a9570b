// Segments over the photo: fields of colour, outlines and names.

import { anchors } from "./anchors.js";
import * as colours from "./colours.js";
import { pathData, rings } from "./outlines.js";

export class SegmentLayer {
  #paths = new Map();
  #anchors;

  /** @param result `map`, `width`, `height`, `segments` */
  constructor(result, categories) {
    this.result = result;
    this.colours = colours.ofSegments(result.segments, categories);
    this.fields = new OffscreenCanvas(result.width, result.height);
    this.shown = new Set(result.segments.map(({ id }) => id));
    this.#fill();
  }

  /** Shows the segments for which `is` holds. */
  show(is) {
    const shown = new Set(this.result.segments.filter(is).map(({ id }) => id));
    if (shown.size === this.shown.size && [...shown].every((id) => this.shown.has(id))) return;
    this.shown = shown;
    this.#fill();
  }

  #fill() {
    const { map, width, height } = this.result;
    const image = new ImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    // Little-endian, as every machine with a browser is.
    const table = new Uint32Array(this.result.segments.reduce((most, { id }) => Math.max(most, id), 0) + 1);
    for (const id of this.shown) {
      const [r, g, b] = this.colours.get(id);
      table[id] = 0xff000000 | (b << 16) | (g << 8) | r;
    }
    for (let i = 0; i < map.length; i++) pixels[i] = table[map[i]];
    this.fields.getContext("2d").putImageData(image, 0, 0);
  }

  /** The segment at a pixel; null where nothing is shown. */
  at(x, y) {
    const id = this.result.map[y * this.result.width + x];
    return this.shown.has(id) ? id : null;
  }

  /** The outline of a segment as the data of an SVG path. */
  outline(id) {
    return pathData(rings(this.result, this.result.segments.find((segment) => segment.id === id)));
  }

  #path(id) {
    if (!this.#paths.has(id)) this.#paths.set(id, new Path2D(this.outline(id)));
    return this.#paths.get(id);
  }

  /** @param look `opacity`, `outlines`, `names`, `selected`, `hovered` */
  paint(context, { scale, density }, look) {
    const { width, height } = this.result;
    context.globalAlpha = look.opacity;
    context.imageSmoothingEnabled = density < 1;
    context.drawImage(this.fields, 0, 0);
    context.globalAlpha = 1;
    context.lineJoin = "round";
    if (look.outlines) {
      context.lineWidth = 1.25 / scale;
      for (const id of this.shown) {
        context.strokeStyle = colours.css(this.colours.get(id));
        context.stroke(this.#path(id));
      }
    }
    const selected = this.shown.has(look.selected) ? look.selected : null;
    if (selected !== null) {
      const rest = new Path2D();
      rest.rect(0, 0, width, height);
      rest.addPath(this.#path(selected));
      context.fillStyle = "rgb(0 0 0 / 45%)";
      context.fill(rest, "evenodd");
      this.#stroke(context, selected, scale, 2.5);
    }
    if (look.hovered !== null && look.hovered !== selected && this.shown.has(look.hovered)) this.#stroke(context, look.hovered, scale, 2);
    if (look.names) this.#names(context, scale, look);
  }

  /** A light line on a dark one, seen on any photo. */
  #stroke(context, id, scale, width) {
    context.strokeStyle = "rgb(0 0 0 / 60%)";
    context.lineWidth = (width + 2) / scale;
    context.stroke(this.#path(id));
    context.strokeStyle = "#fff";
    context.lineWidth = width / scale;
    context.stroke(this.#path(id));
  }

  #names(context, scale, look) {
    this.#anchors ??= anchors(this.result);
    context.save();
    context.scale(1 / scale, 1 / scale);
    context.font = '600 12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
    context.textBaseline = "middle";
    const taken = [];
    // Large ones first: they keep their names where room is short.
    const order = [...this.result.segments].sort((a, b) => b.area - a.area);
    for (const { id, name } of order) {
      const anchor = this.#anchors.get(id);
      const pointed = id === look.selected || id === look.hovered;
      if (!anchor || !this.shown.has(id) || (anchor.room * scale < 7 && !pointed)) continue;
      const across = context.measureText(name).width + 25;
      const box = [anchor.x * scale - across / 2, anchor.y * scale - 10, across, 20];
      if (!pointed && taken.some((other) => overlap(box, other))) continue;
      taken.push(box);
      this.#name(context, box, name, colours.css(this.colours.get(id)));
    }
    context.restore();
  }

  #name(context, [x, y, across, down], name, colour) {
    context.fillStyle = "rgb(16 19 25 / 82%)";
    context.beginPath();
    context.roundRect(x, y, across, down, down / 2);
    context.fill();
    context.fillStyle = colour;
    context.beginPath();
    context.arc(x + 10, y + down / 2, 3.5, 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = "#fff";
    context.fillText(name, x + 17.5, y + down / 2 + 0.5);
  }
}

const overlap = (a, b) => a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3];
