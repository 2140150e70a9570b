// A slider with its name, its value in words, and what it does.

import { el } from "./dom.js";

let count = 0;

/** @returns the element, with `set(value)` to move it without a call of `changed` */
export function slider({ label, help, min, max, step, value, told, changed }) {
  const id = `slider-${++count}`;
  const output = el("output", { for: id, text: told(value) });
  const input = el("input", {
    type: "range", id, min, max, step, value, "aria-describedby": help ? `${id}-help` : null,
    oninput: () => {
      show();
      changed(Number(input.value));
    },
  });
  const show = () => {
    output.textContent = told(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
    input.style.setProperty("--part", `${(100 * (input.value - min)) / (max - min)}%`);
  };
  show();
  const element = el("div", { class: "slider" },
    el("label", { for: id, text: label }), output, input, help && el("p", { class: "help", id: `${id}-help`, text: help }));
  return Object.assign(element, {
    set: (value) => {
      input.value = value;
      show();
    },
  });
}
