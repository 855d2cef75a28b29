// Laws of the exported model, on models made at random: engines run it whatever follows what, and as it stands it gives what is simulated.

import * as assert from 'uvu/assert';

import { placeQuantizers, type PlacementOptions } from '../../pipeline/config/place-quantizers.ts';
import type { EncodingTable, Placement } from '../../pipeline/config/placement.ts';
import { exportWishOf, loadConfig } from '../../pipeline/config/presets/index.ts';
import { type Engine, type Feeds, openEngine } from '../../pipeline/engine/index.ts';
import { type QdqOptions, qdqModel } from '../../pipeline/export/qdq-model.ts';
import { cloneModel } from '../../pipeline/graph/clone.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { tapOutputs } from '../../pipeline/passes/tap-outputs.ts';
import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { simulate } from '../../pipeline/sim/simulate.ts';
import { buildModel, feedsFor } from '../support/graphs.ts';
import { madeUpEncodings } from '../support/made-up.ts';
import { uniform } from '../support/random.ts';
import { randomModel } from '../support/random-model.ts';
import { suite } from '../support/suite.ts';

const MODELS = 240, BATCHES = 8;
/** How near the engine's own integer kernels must come, in decibels: what they round otherwise adds up from layer to layer. */
const LEAST_FUSED = 18;

const blocks = { blockSize: 2, decompressedBitwidth: null, undivided: 'skip' as const };
const ways: readonly PlacementOptions[] = [{}, {}, { activationBitwidth: 16 }, { weightBitwidth: 4 }, { weightBitwidth: 16, activationBitwidth: 16 }, { blocks }, { weightBitwidth: 4, blocks: { ...blocks, decompressedBitwidth: 8 } }, { weightFormat: 'float16' }];
const presets = ['per-channel', 'per-channel', 'default', 'tensorrt', 'onnxruntime', 'onnxruntime-qnn', 'web', 'htp-v68', 'htp-v73', 'htp-v79'];
const forms: readonly QdqOptions[] = [{}, {}, { dedicatedPairs: true }, { depthwise: 'float' }, { weightType: 'int8' }, { weightType: 'int8', columnsAsChannels: true }];

async function run(engine: Engine, model: Model, feeds: Feeds, fuseQuantized: boolean) {
  const session = await engine.load(writeModel(model), { fuseQuantized });
  try {
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

/** Encodings of the ranges that are there in these samples; what shares an encoding shares a range. */
async function observedEncodings(engine: Engine, model: Model, placement: Placement, feeds: Feeds): Promise<EncodingTable> {
  const taps = [...new Set(placement.quantizers.flatMap(({ observed }) => observed))];
  const tapped = cloneModel(model);
  tapOutputs(taps, { keepOutputs: false })(tapped);
  const seen = taps.length === 0 ? {} : await run(engine, tapped, feeds, true);
  const encodings = new Map(madeUpEncodings(model.graph, placement));
  for (const { tensor, observed, constraint, grid } of placement.quantizers) {
    if (observed.length === 0) continue;
    const values = observed.flatMap(name => Array.from(seen[name]!.data as Float32Array));
    encodings.set(tensor, [fitEncoding(constraint?.min ?? Math.min(0, ...values), constraint?.max ?? Math.max(0, ...values) + 1e-3, grid)]);
  }
  return encodings;
}

async function check(seed: number): Promise<void> {
  const next = uniform(seed);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(next() * items.length)]!;
  const [preset, options, form, engineName] = [pick(presets), pick(ways), pick(forms), pick(['native', 'native', 'web'] as const)];
  const where = `seed ${seed}, ${preset}, ${JSON.stringify(options)}, ${JSON.stringify(form)}, ${engineName}`;
  const { model } = prepareModel(buildModel(randomModel(seed)));
  const placement = placeQuantizers(model, loadConfig(preset), options);
  const feeds = feedsFor(model), engine = await openEngine(engineName);
  const encodings = await observedEncodings(engine, model, placement, feeds);
  const exported = qdqModel(model, placement, encodings, { ...exportWishOf(preset), ...form });
  const [simulated, unfused, fused] = [await run(engine, simulate(model, placement, encodings), feeds, false), await run(engine, exported, feeds, false), await run(engine, exported, feeds, true)];
  for (const name of Object.keys(simulated)) {
    const [expected, asItStands, byKernels] = [simulated, unfused, fused].map(outputs => outputs[name]!.data as Float32Array) as [Float32Array, Float32Array, Float32Array];
    const size = Math.sqrt(expected.reduce((sum, x) => sum + x * x, 0) / expected.length);
    const step = encodings.get(name)?.[0]!.delta ?? 0;
    const far = Math.max(...expected.map((x, i) => Math.abs(x - asItStands[i]!)));
    assert.ok(far <= 1.01 * step + 1e-3 * size, `${where}: '${name}' is ${far} from the simulation, with steps of ${step}`);
    const noise = Math.sqrt(expected.reduce((sum, x, i) => sum + (x - byKernels[i]!) ** 2, 0) / expected.length);
    assert.ok(size < 1e-3 || noise <= size * 10 ** (-LEAST_FUSED / 20), `${where}: '${name}' of ${size} is off by ${noise} as the engine fuses it`);
  }
}

suite('exported/random-models', test => {
  for (let batch = 0; batch < BATCHES; batch++) {
    test(`random models run in the engines, and give what is simulated: ${batch + 1} of ${BATCHES}`, async () => {
      for (let seed = batch; seed < MODELS; seed += BATCHES) await check(seed);
    });
  }
});
