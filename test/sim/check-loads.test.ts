import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { calibrationPlan, QuantpipeError, QuantSim } from '../../pipeline/index.ts';
import { observed } from '../calibrate/plans.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { samplesFile } from '../support/samples.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

/** An operator of another engine, behind all that is observed. */
const model = () => buildModel({
  inputs: { x: ['N', 4] }, weights: { w: weight([4, 3]), b: weight([3], { seed: 2 }) }, outputs: { y: ['N', 3] },
  nodes: [{ op: 'Gemm', in: ['x', 'w', 'b'], out: ['h'] }, { op: 'Frob', domain: 'com.acme', in: ['h'], out: ['y'], name: 'odd' }],
});

async function failure(run: AsyncIterable<unknown>): Promise<QuantpipeError> {
  try {
    for await (const _ of run);
  } catch (error) {
    assert.instance(error, QuantpipeError);
    return error as QuantpipeError;
  }
  throw new Error('it should fail');
}

suite('sim/check-loads', test => {
  test('a run on Spark is refused before Spark is started where the engine lacks an operator', () => inFolder(async folder => {
    const python = join(folder, 'python');
    await writeFile(python, '#!/bin/sh\necho started >&2\nexit 3\n');
    await chmod(python, 0o755);
    const sim = await QuantSim.open(model());
    for (const engine of ['web', 'native'] as const) {
      const error = await failure(sim.calibrateOnSpark('data.parquet', { master: 'local', python, engine, archives: folder }));
      assert.is(error.code, 'engine-failed', error.message);
      assert.match(error.message, /Frob/);
    }
  }));

  test('encoding runs nothing, so the model may be for an engine that is not here', () => inFolder(async folder => {
    const path = join(folder, 'data.arrow');
    await writeFile(path, samplesFile({ x: { size: 4, values: floats(64) } }, 16));
    const sim = await QuantSim.open(model());
    const { statistics } = await observed(calibrationPlan(sim.model, sim.placement), path, { workers: 1, engine: 'web' }); // which runs only what leads to the observed tensors
    await sim.encode(statistics);
    assert.equal((await sim.export(folder)).map(({ path: written }) => written.split('/').at(-1)).filter(name => name?.endsWith('.onnx')), ['model.onnx', 'model.qdq.onnx']);
  }));
});
