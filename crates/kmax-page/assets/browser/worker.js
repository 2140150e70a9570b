// The work, apart from the page so that it stays responsive. Messages are `{ id, method, parameters }`; answers `{ id, value }`,
// `{ id, error }`, and `{ id, progress }` on the way.

import { decode } from "./decode.js";
import { Explanation } from "./explanation.js";
import { Network } from "./network.js";
import { preprocess } from "./preprocess.js";
import { Answer } from "./segments.js";

const networks = new Map();
const predictions = new Map();
let config;
let count = 0;

/** The network of that name, opened once. */
function network(name, told) {
  if (!networks.has(name)) {
    const model = config.models.find((model) => model.name === name);
    const total = model.bytes + (networks.size ? 0 : config.runtime.bytes);
    let received = 0;
    const progress = (bytes) => told({ stage: "fetching", part: Math.min((received += bytes) / total, 1), total });
    const opened = Network.open(model, config.runtime, progress);
    networks.set(name, opened);
    // What failed may go well another time.
    opened.catch(() => networks.delete(name));
  }
  return networks.get(name);
}

const methods = {
  configure: (given) => void (config = given),

  async predict({ file, model }, told) {
    const [photo, opened] = await Promise.all([decode(file), network(model, told)]);
    told({ stage: "segmenting" });
    const { values, frame } = preprocess(photo, opened.model.preprocess);
    const start = performance.now();
    const { last, steps } = await opened.run(values, frame.input);
    const seconds = (performance.now() - start) / 1000;
    const said = { ...last, maskSize: last.size, frame };
    const answer = new Answer(said, opened.model);
    const id = String(++count);
    predictions.set(id, { answer, explanation: new Explanation(answer, steps) });
    return { id, model, width: photo.width, height: photo.height, seconds };
  },

  segments: ({ id, thresholds }) => predictions.get(id).answer.segments(thresholds),
  steps: ({ id }) => predictions.get(id).explanation.summary(),
  stepMap: ({ id, step }) => predictions.get(id).explanation.stepMap(step),
  query: ({ id, query }) => predictions.get(id).explanation.query(query),
  queryMask: ({ id, query }) => predictions.get(id).explanation.queryMask(query),
  pixel: ({ id, x, y }) => predictions.get(id).explanation.pixel(x, y),
  release: ({ id }) => void predictions.delete(id),
};

onmessage = async ({ data: { id, method, parameters } }) => {
  try {
    const value = await methods[method](parameters, (progress) => postMessage({ id, progress }));
    postMessage({ id, value });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
};
