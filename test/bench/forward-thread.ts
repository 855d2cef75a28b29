// A thread of calibrate.bench.ts: bare runs of a model, one after the other; its message is how many samples a second it came to.
import { parentPort, workerData } from 'node:worker_threads';

import { type EngineName, openEngine } from '../../pipeline/index.ts';

const { engine, model, dims, seconds } = workerData as { readonly engine: EngineName; readonly model: Uint8Array; readonly dims: readonly [number, ...number[]]; readonly seconds: number };

const session = await (await openEngine(engine)).load(model);
const [{ name }] = session.inputs as [typeof session.inputs[number]];
const feeds = { [name]: { dtype: 'float32', dims, data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => i % 251 / 251) } } as const;

async function runFor(time: number): Promise<number> {
  const start = performance.now();
  let runs = 0;
  for (; performance.now() - start < 1000 * time; runs++) await session.run(feeds);
  return runs * dims[0] / (performance.now() - start) * 1000;
}

await runFor(seconds); // warming up: onnxruntime-web compiles its WASM in tiers
const rate = await runFor(seconds);
await session.close();
parentPort!.postMessage(rate);
