// Where photos come from: dropped, pasted, chosen, taken, or one of the samples.

import { camera } from "./camera.js";
import { el, find } from "./dom.js";

const SAMPLES = [
  ["samples/astronaut.jpg", "Astronaut"],
  ["samples/portrait.jpg", "Portrait"],
  ["samples/helmet.jpg", "Helmet"],
];

/** Calls `open(file, name)` with each photo, `failed` with what is none. */
export function sources(open, failed) {
  const input = find("file");
  input.addEventListener("change", () => {
    if (input.files[0]) open(input.files[0]);
    input.value = "";
  });
  const choose = () => input.click();
  find("choose").addEventListener("click", choose);
  find("photograph").addEventListener("click", () => camera(open, failed));
  dropped(open, failed);
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    open(file, "pasted.png");
  });
  find("samples").append(...SAMPLES.map(([path, title]) => sample(path, title, open, failed)));
}

function sample(path, title, open, failed) {
  const take = async () => {
    const answer = await fetch(path);
    if (!answer.ok) return failed(new Error(`${path} cannot be had: the host answers ${answer.status}.`));
    open(await answer.blob(), path.split("/").pop());
  };
  return el("li", {}, el("button", { type: "button", class: "sample", onclick: take },
    el("img", { src: path, alt: "", width: "160", height: "120" }), el("span", { text: title })));
}

function dropped(open, failed) {
  const veil = find("veil");
  let depth = 0;
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const show = (by) => (veil.hidden = (depth = Math.max(depth + by, 0)) === 0);
  document.addEventListener("dragenter", (event) => carries(event) && show(1));
  document.addEventListener("dragleave", (event) => carries(event) && show(-1));
  document.addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    show(-depth);
    const [file] = event.dataTransfer.files;
    if (file && (file.type === "" || file.type.startsWith("image/"))) open(file);
    else failed(new Error("That is no picture."));
  });
}
