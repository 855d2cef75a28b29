import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ort from 'onnxruntime-node';
import * as assert from 'uvu/assert';

import { type EngineName, openEngine, type SessionOptions } from '../../pipeline/engine/index.ts';
import { readModel } from '../../pipeline/onnx/read-model.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { Comparison } from '../../pipeline/sim/compare.ts';
import { calibrated } from '../support/calibrated.ts';
import { suite } from '../support/suite.ts';

/** How often each operator is in the model that onnxruntime makes of `bytes`. */
async function optimizedOperators(bytes: Uint8Array): Promise<Record<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), 'quantpipe-'));
  try {
    const optimizedModelFilePath = join(folder, 'optimized.onnx');
    await (await ort.InferenceSession.create(bytes, { optimizedModelFilePath, graphOptimizationLevel: 'all', logSeverityLevel: 3 })).release();
    const counts: Record<string, number> = {};
    for (const { opType } of readModel(await readFile(optimizedModelFilePath)).graph.nodes) counts[opType] = (counts[opType] ?? 0) + 1;
    return counts;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const levels = ['disabled', 'basic', 'extended', 'all'] as const satisfies SessionOptions['optimize'][];

suite('export/fusion', test => {
  const network = calibrated('fixtures/models/fmnist-cnn.onnx', 'fmnist', 16);

  test('every layer of fmnist-cnn becomes an integer kernel', async () => {
    const counts = await optimizedOperators(writeModel((await network).exported));
    assert.is(counts['QLinearConv'], 11);
    assert.is(counts['QLinearAdd'], 2);
    assert.is(counts['QGemm'], 1);
    for (const left of ['Conv', 'Add', 'Gemm', 'Relu', 'Clip']) assert.is(counts[left], undefined, left);
  });

  test('attention and feed-forward of fmnist-vit become integer kernels', async () => {
    const counts = await optimizedOperators(writeModel((await calibrated('fixtures/models/fmnist-vit.onnx', 'fmnist', 2)).exported));
    assert.is(counts['QLinearMatMul'], 18);
    assert.is(counts['QLinearSoftmax'], 3);
    assert.is(counts['MatMul'], undefined);
  });

  for (const name of ['web', 'native'] as const satisfies EngineName[]) {
    test(`the ${name} engine runs the exported model at every optimization level, to the same result`, async () => {
      const { simulated, exported, fed } = await network;
      const engine = await openEngine(name);
      const reference = await engine.load(writeModel(simulated), { fuseQuantized: false });
      const bytes = writeModel(exported);
      for (const optimize of levels) {
        const session = await engine.load(bytes, { optimize });
        const comparison = new Comparison();
        for (const batch of fed) comparison.add((await reference.run(batch))['logits']!, (await session.run(batch))['logits']!);
        assert.ok(comparison.result.sqnr > 45 && comparison.result.agreement === 1, `${optimize}: ${comparison.result.sqnr} dB`);
        await session.close();
      }
      await reference.close();
    });
  }
});
