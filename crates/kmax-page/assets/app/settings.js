// How segments look, and what counts as one: opacity, outlines, names, thresholds.

import { el } from "./dom.js";
import { slider } from "./slider.js";

const share = (value) => value.toFixed(2);
const pixels = (value) => `${value} px`;
const SHARE = { min: 0, max: 1, step: 0.01, told: share };
const AREA = { min: 0, max: 10000, step: 50, told: pixels };

/** Thresholds in the order of what they decide; those on areas are deeplab2's. */
const THRESHOLDS = [
  ["class_threshold_thing", { ...SHARE, label: "Class, things", help: "How sure the model must be of what a thing is" }],
  ["class_threshold_stuff", { ...SHARE, label: "Class, stuff", help: "How sure it must be of what stuff is" }],
  ["pixel_threshold", { ...SHARE, label: "Pixel", help: "How probable a mask must be at a pixel to claim it" }],
  ["overlap_threshold", { ...SHARE, label: "Overlap", help: "The share of a mask that surer ones must leave free" }],
  ["thing_area_limit", { ...AREA, label: "Least area, things", deeplab2: true }],
  ["stuff_area_limit", { ...AREA, label: "Least area, stuff", deeplab2: true }],
];

/** The part about looks. `changed` is called when the page's look is another. */
export function looks(look, changed) {
  const check = (label, key) => {
    const box = el("input", { type: "checkbox", checked: look[key], onchange: () => changed((look[key] = box.checked)) });
    return el("label", { class: "check" }, box, label);
  };
  return el("section", { class: "settings", "aria-label": "Look" },
    slider({
      label: "Opacity", min: 0, max: 1, step: 0.01, value: look.opacity, told: (value) => `${Math.round(100 * value)} %`,
      changed: (value) => changed((look.opacity = value)),
    }),
    el("div", { class: "checks" }, check("Names", "names"), check("Outlines", "outlines")));
}

/** The thresholds of a pane; they act without the network. */
export function thresholds(pane) {
  const defaults = pane.model.postprocess;
  const known = THRESHOLDS.filter(([, { deeplab2 }]) => !deeplab2 || defaults.manner === "deeplab2");
  const sliders = known.map(([key, settings]) => slider({
    ...settings, value: rounded(pane.thresholds[key] ?? defaults[key]),
    changed: (value) => {
      pane.thresholds[key] = value;
      reset.disabled = false;
      pane.refresh();
    },
  }));
  const reset = el("button", {
    type: "button", class: "button small", text: "Reset", disabled: Object.keys(pane.thresholds).length === 0,
    onclick: () => {
      pane.thresholds = {};
      known.forEach(([key], index) => sliders[index].set(rounded(defaults[key])));
      reset.disabled = true;
      pane.refresh();
    },
  });
  return [el("p", { class: "note", text: "They act at once: the network has said all it has to say." }), ...sliders, reset];
}

/** Values that were single precision. */
export const rounded = (value) => Math.round(value * 1e4) / 1e4;
