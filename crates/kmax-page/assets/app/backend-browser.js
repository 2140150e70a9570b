// The backend without a server: a worker runs the models in this browser, and no photo leaves it.

import { encodePng } from "./png.js";
import { idsAsColours } from "./label-map.js";

export class BrowserBackend {
  isLocal = true;
  #waiting = new Map();
  #count = 0;

  constructor(config) {
    this.config = config;
    this.worker = new Worker(new URL("../browser/worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.#answered(data);
    this.worker.onerror = () => this.#failed("The page's worker cannot be started.");
    this.#ask("configure", config);
  }

  #answered({ id, value, error, progress }) {
    const waiting = this.#waiting.get(id);
    if (progress) return waiting.progress?.(progress);
    this.#waiting.delete(id);
    if (error !== undefined) waiting.reject(new Error(error));
    else waiting.resolve(value);
  }

  #failed(message) {
    for (const { reject } of this.#waiting.values()) reject(new Error(message));
    this.#waiting.clear();
  }

  #ask(method, parameters, progress) {
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, progress });
      this.worker.postMessage({ id, method, parameters });
    });
  }

  async models() {
    return this.config.models;
  }

  predict(file, model, progress) {
    return this.#ask("predict", { file, model }, progress);
  }

  segments({ id }, thresholds) {
    return this.#ask("segments", { id, thresholds });
  }

  /** The file that `kmax segment` writes, pixel for pixel. */
  async panopticPng(prediction, thresholds) {
    const { map, width, height } = await this.segments(prediction, thresholds);
    return encodePng(idsAsColours(map), width, height, 3);
  }

  steps({ id }) {
    return this.#ask("steps", { id });
  }

  stepMap({ id }, step) {
    return this.#ask("stepMap", { id, step });
  }

  query({ id }, query) {
    return this.#ask("query", { id, query });
  }

  queryMask({ id }, query) {
    return this.#ask("queryMask", { id, query });
  }

  pixel({ id }, x, y) {
    return this.#ask("pixel", { id, x, y });
  }

  release({ id }) {
    return this.#ask("release", { id });
  }
}
