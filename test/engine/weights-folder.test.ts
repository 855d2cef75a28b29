import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { type EngineName, openEngine } from '../../pipeline/engine/index.ts';
import { modelParts } from '../../pipeline/onnx/write-model.ts';
import { buildModel, feedsFor, runModel, weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const model = buildModel({
  inputs: { x: ['N', 30] }, weights: { w: weight([30, 50]), b: weight([50]) },
  nodes: [{ op: 'Gemm', in: ['x', 'w', 'b'], out: ['y'] }], outputs: { y: ['N', 50] },
});

suite('engine/weights-folder', test => {
  for (const name of ['native', 'web'] as const satisfies EngineName[]) {
    test(`${name}: weights beside the model are those in it`, () => inFolder(async folder => {
      const { model: bytes, weights } = modelParts(model, 'weights.data');
      await writeFile(join(folder, 'weights.data'), Buffer.concat([...weights()]));
      assert.ok(bytes.length < 4 * 30 * 50, 'the large weight is not in the model');
      const session = await (await openEngine(name)).load(bytes, { folder });
      const feeds = feedsFor(model);
      const [seen, expected] = [(await session.run(feeds))['y']!, (await runModel(model, feeds))['y']!];
      await session.close();
      (seen.data as Float32Array).forEach((value, i) => assert.ok(Math.abs(value - (expected.data as Float32Array)[i]!) < 1e-4, `${i}: ${value}`));
    }));
  }
});
