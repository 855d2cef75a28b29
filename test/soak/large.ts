// A model of 3 GiB of weights through the whole main job, and through evaluate: its files are right, and memory stays bounded.
//   npm run large [-- GiB]      default 3; takes about four times as much room in the temporary folder, and is skipped where there is less
import { stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { readModelFile } from '../../pipeline/onnx/read-model.ts';
import { writeModelFile } from '../../pipeline/onnx/write-model.ts';
import { buildModel } from '../support/graphs.ts';
import { watched, writeSamples } from '../support/memory.ts';
import { inFolder } from '../support/temporary.ts';

const GiB = 2 ** 30, MiB = 2 ** 20;
const WIDTH = 4096;
/** A layer is WIDTH × 2 WIDTH, or the other way round: 128 MiB. */
const LAYER_BYTES = 4 * WIDTH * 2 * WIDTH;
const gibibytes = Number(process.argv[2] ?? 3);
const layers = Math.round(gibibytes * GiB / LAYER_BYTES);
/** What the process may hold beside the weights, which the engine maps into its memory once. */
const BESIDE = GiB;
/** Room on disk for each byte of the weights: the model, what the engine reads, the float and the quantized model that are written. */
const ROOM = 4;

const { bavail, bsize } = await statfs(tmpdir());
if (bavail * bsize < ROOM * gibibytes * GiB) {
  console.log(`skipped: ${ROOM * gibibytes} GiB are needed in ${tmpdir()}, ${(bavail * bsize / GiB).toFixed(1)} GiB are free`);
  process.exit(0);
}

await inFolder(async folder => {
  const [model, data, out] = [join(folder, 'large.onnx'), join(folder, 'x.npy'), join(folder, 'out')];
  await writeModelFile(largeModel(), model, { externalBytes: 1024 });
  await writeSamples(data, [8, WIDTH]);
  const { size } = await stat(`${model}.data`);
  const { code, stderr, peakBytes, seconds } = await watched(['run', model, data, '-o', out, '--engine', 'native', '--scheme', 'min-max', '--workers', '1']);
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  const quantized = await stat(join(out, 'model.qdq.onnx.data'));
  console.log(`${(size / GiB).toFixed(1)} GiB of weights: ${seconds.toFixed(0)} s, peak ${(peakBytes / MiB).toFixed(0)} MiB, ${(quantized.size / GiB).toFixed(2)} GiB quantized (${stderr.split('\n')[0]})`);
  if (peakBytes > size + BESIDE) throw new Error(`the process held ${peakBytes} bytes for ${size} bytes of weights`);
  await checkFloat(join(out, 'model.onnx'), model);
  const judged = await watched(['evaluate', model, data, '--against', join(out, 'model.qdq.onnx'), '--engine', 'native', '--limit', '2']);
  console.log(`evaluate: ${judged.seconds.toFixed(0)} s, peak ${(judged.peakBytes / MiB).toFixed(0)} MiB`);
  if (judged.code !== 0) throw new Error(`evaluate: exit code ${judged.code}: ${judged.stderr}`);
  if (Math.abs(quantized.size / size - 0.25) > 0.01) throw new Error(`int8 weights take ${quantized.size} bytes of ${size}`);
});

/** The weights of the float model that was written are those that were read: compared tensor by tensor. */
async function checkFloat(written: string, original: string): Promise<void> {
  const [after, before] = [await readModelFile(written), await readModelFile(original)];
  for (const { name, initializer } of before.graph.initializers) {
    const kept = after.graph.values.get(name)?.initializer;
    const bytes = (content: typeof initializer) => Buffer.from((content!.read().data as Float32Array).buffer as ArrayBuffer);
    if (!kept || Buffer.compare(bytes(kept), bytes(initializer)) !== 0) throw new Error(`weight '${name}' of the written model is not the one that was read`);
  }
}

function largeModel() {
  const names = Array.from({ length: layers }, (_, i) => `layer${i}`);
  const model = buildModel({
    inputs: { x: ['N', WIDTH] }, weights: Object.fromEntries(names.map(name => [`${name}.weight`, float32Tensor([0], new Float32Array(0))])),
    nodes: names.map((name, i) => ({ op: 'MatMul', in: [i === 0 ? 'x' : names[i - 1]!, `${name}.weight`], out: [name] })),
    outputs: { [names.at(-1)!]: ['N', layers % 2 === 0 ? WIDTH : 2 * WIDTH] },
  });
  names.forEach((name, i) => {
    const dims = i % 2 === 0 ? [WIDTH, 2 * WIDTH] : [2 * WIDTH, WIDTH];
    const value = model.graph.value(`${name}.weight`);
    value.type = { dtype: 'float32', shape: dims };
    value.initializer = { dtype: 'float32', dims, read: () => float32Tensor(dims, values(LAYER_BYTES / 4, i + 1)) };
  });
  return model;
}

/** Small values that differ from layer to layer; a full generator would take minutes. */
function values(count: number, seed: number): Float32Array {
  const list = new Float32Array(count);
  let state = seed;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    list[i] = state * (2 ** -31 / 64);
  }
  return list;
}
