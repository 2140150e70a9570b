// The backend of `kmax serve`: the photo goes to the server that the page comes from, which keeps the network's answer for a while.

import { coloursAsIds } from "./label-map.js";
import { decodePng } from "./png.js";

/** Addresses are relative to the page, wherever a proxy puts it. */
const BASE = new URL("..", import.meta.url);

async function asked(path, options) {
  let answer;
  try {
    answer = await fetch(new URL(path, BASE), options);
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  const busy = answer.status === 429 ? "The server is busy; try again in a moment." : null;
  const gone = answer.status === 404 ? "The server no longer keeps this photo; open it again." : null;
  throw Object.assign(new Error(busy ?? gone ?? problem.detail ?? problem.title ?? `The server answers ${answer.status}.`), { status: answer.status });
}

const json = async (path, options) => (await asked(path, options)).json();
const png = async (path) => decodePng(new Uint8Array(await (await asked(path)).arrayBuffer()));
const of = ({ id }, rest) => `v1/predictions/${encodeURIComponent(id)}${rest}`;
const query = (thresholds) => {
  const text = new URLSearchParams(thresholds).toString();
  return text && `?${text}`;
};

export class ServerBackend {
  isLocal = false;

  async models() {
    return (await json("v1/models")).models;
  }

  async predict(file, model, progress) {
    progress?.({ stage: "segmenting" });
    const start = performance.now();
    const prediction = await json(`v1/predictions?model=${encodeURIComponent(model)}`, {
      method: "POST", body: file, headers: { "Content-Type": file.type || "application/octet-stream" },
    });
    return { ...prediction, seconds: (performance.now() - start) / 1000 };
  }

  async segments(prediction, thresholds) {
    const [listed, picture] = await Promise.all([
      json(of(prediction, `/segments${query(thresholds)}`)),
      png(of(prediction, `/panoptic.png${query(thresholds)}`)),
    ]);
    return { ...listed, map: coloursAsIds(picture) };
  }

  async panopticPng(prediction, thresholds) {
    return (await asked(of(prediction, `/panoptic.png${query(thresholds)}`))).blob();
  }

  steps(prediction) {
    return json(of(prediction, "/steps"));
  }

  async stepMap(prediction, step) {
    const picture = await png(of(prediction, `/steps/${step}.png`));
    return { width: picture.width, height: picture.height, data: coloursAsIds(picture) };
  }

  query(prediction, number) {
    return json(of(prediction, `/queries/${number}`));
  }

  queryMask(prediction, number) {
    return png(of(prediction, `/queries/${number}/mask.png`));
  }

  pixel(prediction, x, y) {
    return json(of(prediction, `/pixels?x=${x}&y=${y}`));
  }

  async release(prediction) {
    await asked(of(prediction, ""), { method: "DELETE" });
  }
}
