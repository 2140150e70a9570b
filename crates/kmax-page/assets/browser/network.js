// A model in onnxruntime-web.

import { fetched } from "./fetched.js";

/** The engine, which is fetched once whatever the number of models. */
let engine;

async function load(runtime, progress) {
  const folder = new URL(`../${runtime.folder}/`, import.meta.url);
  const [ort, wasm] = await Promise.all([import(new URL(runtime.script, folder)), fetched(new URL(runtime.wasm, folder), progress)]);
  ort.env.wasm.wasmBinary = wasm.buffer;
  ort.env.wasm.wasmPaths = folder.href;
  // Memory is shared among threads only where the host isolates the page from others.
  ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 4) : 1;
  return ort;
}

export class Network {
  static async open(model, runtime, progress) {
    const bytes = fetched(new URL(`../${model.file}`, import.meta.url), progress);
    engine ??= load(runtime, progress);
    const [ort, file] = await Promise.all([engine, bytes]);
    const session = await ort.InferenceSession.create(file, { executionProviders: ["wasm"] });
    return Object.assign(new Network(), { ort, session, model });
  }

  /** @param values `[3, height, width]` @returns the last logits, and those of each step */
  async run(values, [height, width]) {
    const input = new this.ort.Tensor("float32", values, [1, 3, height, width]);
    const found = await this.session.run({ pixel_values: input });
    const logits = (prefix) => {
      const masks = found[`${prefix}mask_logits`];
      const [, queries, ...size] = masks.dims;
      return { classLogits: found[`${prefix}class_logits`].data, maskLogits: masks.data, queries, size };
    };
    const steps = Array.from({ length: this.model.steps }, (_, index) => logits(`step_${index + 1}_`));
    return { last: logits(""), steps };
  }
}
