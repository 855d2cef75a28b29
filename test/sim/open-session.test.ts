import { readdir } from 'node:fs/promises';
import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { openEngine, QuantSim } from '../../pipeline/index.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { openSession } from '../../pipeline/sim/open-session.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';
import { sameBits } from '../support/tensors.ts';

/** Folders of ours; the native engine leaves logs of its own there. */
const left = async (temporary: string) => (await readdir(temporary)).filter(name => name.startsWith('quantpipe-'));

/** Run `body` with a folder of its own for temporary files. */
async function withTemporary(body: (temporary: string) => Promise<void>): Promise<void> {
  const before = process.env['TMPDIR'];
  await inFolder(async folder => {
    process.env['TMPDIR'] = folder;
    try {
      await body(folder);
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
  });
}

const broken = (): Model => buildModel({ inputs: { x: ['N', 300] }, weights: { w: weight([300, 4]) }, nodes: [{ op: 'NoSuchOperator', in: ['x', 'w'], out: ['y'] }], outputs: { y: null } });

suite('sim/open-session', test => {
  for (const name of ['native', 'web'] as const) {
    test(`a model in parts computes the same in engine '${name}', and leaves no file behind`, () => withTemporary(async temporary => {
      const [engine, { model }] = [await openEngine(name), await QuantSim.open('fixtures/models/fmnist-cnn.onnx')];
      const input = float32Tensor([2, 1, 28, 28], floats(2 * 784));
      const [whole, parts] = [await openSession(engine, model), await openSession(engine, model, {}, { inParts: true })];
      const [expected, actual] = [await whole.run({ input }), await parts.run({ input })];
      sameBits(actual['logits']!.data as Float32Array, expected['logits']!.data as Float32Array);
      assert.is((await left(temporary)).length, 1);
      await parts.close();
      await whole.close();
      assert.equal(await left(temporary), []);
    }));
  }

  test('a model in parts that does not load leaves no file behind either', () => withTemporary(async temporary => {
    const error = await openSession(await openEngine('native'), broken(), {}, { inParts: true }).catch((error: unknown) => error);
    assert.is((error as { code?: string }).code, 'engine-failed', String(error));
    assert.equal(await left(temporary), []);
  }));
});
