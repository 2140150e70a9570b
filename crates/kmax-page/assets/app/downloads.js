// What can be taken along: maps, lists, pictures.

import { css } from "./colours.js";
import { el } from "./dom.js";
import { rounded } from "./settings.js";
import { zip } from "./zip.js";

/** The buttons; `failed` gets what goes wrong. */
export function downloads(pane, failed) {
  const { stem } = pane.page.photo;
  const kinds = [
    ["Panoptic PNG", "The map, as `kmax segment` writes it", `${stem}.panoptic.png`, () => pane.page.backend.panopticPng(pane.prediction, pane.thresholds)],
    ["JSON", "Segments with classes, scores and boxes", `${stem}.json`, () => list(pane)],
    ["Overlay", "The photo as it looks here", `${stem}.overlay.png`, () => overlay(pane)],
    ["Cut-outs", "Each segment that is shown, on transparent ground", `${stem}.cutouts.zip`, () => cutouts(pane)],
    ["SVG", "The outlines", `${stem}.svg`, () => outlines(pane)],
  ];
  return kinds.map(([title, help, name, make]) => el("button", {
    type: "button", class: "button small", text: title, title: help,
    onclick: async ({ currentTarget: button }) => {
      button.disabled = true;
      await make().then((blob) => save(blob, name), failed);
      button.disabled = false;
    },
  }));
}

/** Saves one segment. */
export async function saveCutout(pane, segment) {
  save(await cutout(pane, segment), `${pane.page.photo.stem}.${segment.id}-${segment.name}.png`);
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

async function list({ page: { photo }, model, result, thresholds }) {
  const { width, height } = result;
  const segments = result.segments.map(({ queries, ...segment }) => segment);
  const settings = Object.entries({ ...model.postprocess, ...thresholds }).map(([key, value]) => [key, typeof value === "number" ? rounded(value) : value]);
  const all = {
    image: { file_name: photo.name, width, height }, model: model.name, postprocess: Object.fromEntries(settings),
    file_name: `${photo.stem}.panoptic.png`, segments_info: segments,
  };
  return new Blob([`${JSON.stringify(all, null, 2)}\n`], { type: "application/json" });
}

const png = (canvas) => canvas.convertToBlob({ type: "image/png" });

async function overlay({ page: { photo, look }, layer, result: { width, height } }) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.drawImage(photo.bitmap, 0, 0);
  // Names and lines in proportion to the photo.
  const scale = Math.min(1, 900 / Math.max(width, height));
  layer.paint(context, { scale, density: 1 }, { ...look, selected: null, hovered: null });
  return png(canvas);
}

async function cutouts(pane) {
  const shown = pane.result.segments.filter(({ id }) => pane.layer.shown.has(id));
  const files = [];
  for (const segment of shown) files.push([`${segment.id}-${segment.name}.png`, await cutout(pane, segment)]);
  return zip(files);
}

/** The pixels of a segment, in its box. */
async function cutout({ page: { photo }, result: { map, width } }, { id, bbox: [left, top, across, down] }) {
  const canvas = new OffscreenCanvas(across, down);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(photo.bitmap, -left, -top);
  const image = context.getImageData(0, 0, across, down);
  for (let y = 0, at = 3; y < down; y++) {
    for (let x = 0; x < across; x++, at += 4) if (map[(top + y) * width + left + x] !== id) image.data[at] = 0;
  }
  context.putImageData(image, 0, 0);
  return png(canvas);
}

async function outlines({ layer, result: { width, height, segments } }) {
  const text = (value) => String(value).replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
  const paths = segments.filter(({ id }) => layer.shown.has(id)).map((segment) => {
    const colour = css(layer.colours.get(segment.id));
    const about = `id="segment-${segment.id}" data-category="${segment.category_id}" fill="${colour}" fill-opacity="0.4" stroke="${colour}"`;
    return `<path ${about} d="${layer.outline(segment.id)}"><title>${text(segment.name)}</title></path>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" fill-rule="evenodd">\n${paths.join("\n")}\n</svg>\n`;
  return new Blob([svg], { type: "image/svg+xml" });
}
