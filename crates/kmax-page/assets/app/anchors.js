// Where the name of a segment stands: at its pixel that is farthest from its edge.

/** Maps are looked at in this size at most. */
const LONGEST = 256;
const STRAIGHT = 1, DIAGONAL = Math.SQRT2;

/** @returns a Map from id to `x`, `y` in the photo and `room`, the distance to the edge */
export function anchors({ map, width, height }) {
  const step = Math.max(1, Math.max(width, height) / LONGEST);
  const across = Math.max(1, Math.floor(width / step)), down = Math.max(1, Math.floor(height / step));
  const small = new Uint32Array(across * down);
  const source = (at, length) => Math.min(Math.floor((at + 0.5) * step), length - 1);
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) small[y * across + x] = map[source(y, height) * width + source(x, width)];
  }
  const distance = distances(small, across, down);
  const best = new Map();
  small.forEach((id, at) => {
    if (id === 0 || distance[at] <= (best.get(id)?.room ?? 0)) return;
    best.set(id, { at, room: distance[at] });
  });
  return new Map(Array.from(best, ([id, { at, room }]) => {
    const x = (at % across + 0.5) * step, y = (Math.floor(at / across) + 0.5) * step;
    return [id, { x, y, room: room * step }];
  }));
}

/** Distance of each pixel to the nearest of another id, by two passes over its neighbours. */
function distances(map, width, height) {
  const distance = new Float32Array(map.length);
  const near = (at, x, y, dx, dy, cost) => {
    const [i, j] = [x + dx, y + dy];
    const outside = i < 0 || j < 0 || i >= width || j >= height;
    const other = j * width + i;
    return outside || map[other] !== map[at] ? cost / 2 : distance[other] + cost;
  };
  const pass = (order, sign) => {
    for (const at of order) {
      const x = at % width, y = Math.floor(at / width);
      const reached = Math.min(
        near(at, x, y, -sign, 0, STRAIGHT), near(at, x, y, 0, -sign, STRAIGHT),
        near(at, x, y, -sign, -sign, DIAGONAL), near(at, x, y, sign, -sign, DIAGONAL),
      );
      distance[at] = sign > 0 ? reached : Math.min(reached, distance[at]);
    }
  };
  pass(map.keys(), 1);
  pass(Array.from(map.keys()).reverse(), -1);
  return distance;
}
