// What pointers, wheel and keys mean on a stage.

const MOVED = 5;
const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/**
 * Listens on `element`.
 * @param on `zoom(factor, point)`, `pan(dx, dy)`, `reset()`, `pick(point, event)`, `hover(point | null)`; points are relative to the element
 */
export function gestures(element, on) {
  const pointers = new Map();
  let moved = false;
  const point = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const middle = () => {
    const all = [...pointers.values()];
    return [0, 1].map((axis) => all.reduce((sum, at) => sum + at[axis], 0) / all.length);
  };
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (pointers.size === 0) moved = false;
    pointers.set(event.pointerId, point(event));
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return on.hover(point(event));
    const before = { middle: middle(), spread: pointers.size > 1 ? spread() : 0 };
    const now = point(event);
    const last = pointers.get(event.pointerId);
    if (!moved && pointers.size === 1 && Math.hypot(now[0] - last[0], now[1] - last[1]) < MOVED) return;
    moved = true;
    pointers.set(event.pointerId, now);
    const after = middle();
    on.pan(after[0] - before.middle[0], after[1] - before.middle[1]);
    if (before.spread > 0) on.zoom(spread() / before.spread, after);
  });
  const released = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (event.type === "pointerup" && !moved && pointers.size === 0) on.pick(point(event));
  };
  element.addEventListener("pointerup", released);
  element.addEventListener("pointercancel", released);
  element.addEventListener("pointerleave", () => on.hover(null));
  element.addEventListener("dblclick", (event) => on.zoom(2, point(event)));
  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    // Lines of some mice, pixels of others.
    const pixels = event.deltaY * (event.deltaMode === 1 ? 24 : 1);
    on.zoom(Math.exp(-Math.min(Math.max(pixels, -240), 240) / 480), point(event));
  }, { passive: false });
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const center = [element.clientWidth / 2, element.clientHeight / 2];
    if (ARROWS[event.key]) on.pan(...ARROWS[event.key].map((way) => way * 48));
    else if (event.key === "+" || event.key === "=") on.zoom(1.25, center);
    else if (event.key === "-") on.zoom(0.8, center);
    else if (event.key === "0") on.reset();
    else return;
    event.preventDefault();
  });
}
