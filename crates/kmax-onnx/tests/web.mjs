// Runs exported files in onnxruntime-web in Chromium, and prints how far the outputs are from given ones.
//
//   npm install onnxruntime-web@1.30.0 playwright-core
//   node web.mjs CASES.json
//
// CASES.json is a list of {"file": "model.onnx", "inputs": {NAME: TENSOR}, "expected": {NAME: TENSOR}}, where a TENSOR is {"type", "dims",
// "data": "raw.bin"} of little-endian elements. The packages are looked for in the current folder, Chromium in CHROMIUM or
// /usr/bin/chromium.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { extname, join, resolve } from "node:path";

const { chromium } = createRequire(join(process.cwd(), "web.js"))("playwright-core");
const TYPES = { ".html": "text/html", ".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm" };

const PAGE = `<!doctype html><script type="module">
import * as ort from "/node_modules/onnxruntime-web/dist/ort.wasm.min.mjs";
const ARRAYS = { float32: Float32Array, uint8: Uint8Array, int32: Int32Array, int64: BigInt64Array };
const load = async ({ type, dims, data }) => {
  const bytes = await (await fetch("/file?" + encodeURIComponent(data))).arrayBuffer();
  return new ort.Tensor(type, new ARRAYS[type](bytes), dims);
};
window.run = async ({ file, inputs, expected }) => {
  const model = new Uint8Array(await (await fetch("/file?" + encodeURIComponent(file))).arrayBuffer());
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  const feeds = {};
  for (const [name, tensor] of Object.entries(inputs)) feeds[name] = await load(tensor);
  const start = performance.now();
  const found = await session.run(feeds, Object.keys(expected));
  const seconds = (performance.now() - start) / 1000;
  const told = {};
  for (const [name, tensor] of Object.entries(expected)) {
    const [ours, theirs] = [found[name], await load(tensor)];
    if (ours.dims.join() !== theirs.dims.join()) { told[name] = "shape " + ours.dims; continue; }
    let [most, squares, other] = [0, 0, 0];
    for (let i = 0; i < theirs.data.length; i++) {
      const [a, b] = [Number(ours.data[i]), Number(theirs.data[i])];
      most = Math.max(most, Math.abs(a - b)); squares += b * b; other += a !== b;
    }
    const rms = Math.sqrt(squares / theirs.data.length);
    told[name] = { largest: most, over_rms: most / rms, different: other, of: theirs.data.length };
  }
  return { seconds, told };
};
window.ready = true;
</script>`;

const server = createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/") return response.setHeader("Content-Type", "text/html").end(PAGE);
  try {
    const name = url.pathname === "/file" ? decodeURIComponent(url.search.slice(1)) : "." + url.pathname;
    response.setHeader("Content-Type", TYPES[extname(name)] ?? "application/octet-stream");
    response.end(await readFile(resolve(name)));
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(error.message));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction("window.ready");
  for (const one of JSON.parse(await readFile(process.argv[2]))) {
    const { seconds, told } = await page.evaluate((one) => window.run(one), one).catch((error) => ({ told: error.message }));
    console.log(one.file, seconds?.toFixed(2), "s", JSON.stringify(told));
  }
} finally {
  await browser.close();
  server.close();
}
