// The outline of a segment: rings along the edges of its pixels.

/** Steps east, south, west, north; and from a corner, walking so, the pixels ahead on the left and on the right. */
const STEPS = [[1, 0], [0, 1], [-1, 0], [0, -1]];
const AHEAD_LEFT = [[0, -1], [0, 0], [-1, 0], [-1, -1]];
const AHEAD_RIGHT = [[0, 0], [-1, 0], [-1, -1], [0, -1]];

/**
 * @param result `map`, `width`, `height` @param segment `id` and `bbox`
 * @returns rings of corners `[x, y, x, y, …]`, with the segment on the right-hand side; holes are rings too
 */
export function rings({ map, width, height }, { id, bbox: [left, top, across, down] }) {
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && map[y * width + x] === id;
  const begun = new Uint8Array(across * down);
  const found = [];
  for (let y = top; y < top + down; y++) {
    for (let x = left; x < left + across; x++) {
      if (!inside(x, y) || inside(x, y - 1) || begun[(y - top) * across + x - left]) continue;
      found.push(walk(x, y, inside, (x, y) => (begun[(y - top) * across + x - left] = 1)));
    }
  }
  return found;
}

/** Along the edge, from the upper left corner of a pixel whose upper neighbour is outside. */
function walk(startX, startY, inside, passed) {
  const ring = [];
  let [x, y, direction] = [startX, startY, 0];
  do {
    ring.push(x, y);
    let turned;
    do {
      if (direction === 0) passed(x, y);
      x += STEPS[direction][0];
      y += STEPS[direction][1];
      const [right, left] = [AHEAD_RIGHT[direction], AHEAD_LEFT[direction]];
      turned = true;
      if (!inside(x + right[0], y + right[1])) direction = (direction + 1) % 4;
      else if (inside(x + left[0], y + left[1])) direction = (direction + 3) % 4;
      else turned = false;
    } while (!turned);
  } while (x !== startX || y !== startY || direction !== 0);
  return ring;
}

/** The rings as the data of an SVG path. */
export function pathData(rings) {
  const parts = rings.map((ring) => {
    let text = `M${ring[0]} ${ring[1]}`;
    for (let i = 2; i < ring.length; i += 2) text += ring[i] === ring[i - 2] ? `V${ring[i + 1]}` : `H${ring[i]}`;
    return `${text}Z`;
  });
  return parts.join("");
}
