// Elements in one call.

const find = (id) => document.getElementById(id);

/**
 * An element. Attributes that begin with `on` are listeners; `class`, `text` and `data` are what they say; those that are false or null
 * are left out.
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "text") element.textContent = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  return element;
}

/** A drawing of one path, on a grid of 24 x 24, for buttons. */
export function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  set(svg, { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" });
  svg.append(set(document.createElementNS("http://www.w3.org/2000/svg", "path"), { d: path }));
  return svg;
}

/** A small field of a colour. */
export function swatch(colour) {
  const element = el("span", { class: "swatch", "aria-hidden": "true" });
  element.style.background = colour;
  return element;
}

export { find };
