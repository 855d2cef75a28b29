// Every model of fixtures/models/exported, as its exporter wrote it, through all that quantpipe does to a model.

import { readFile } from 'node:fs/promises';
import * as assert from 'uvu/assert';

import type { DType } from '../../pipeline/base/tensor.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { readModel, readModelFile } from '../../pipeline/onnx/read-model.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { QuantSim } from '../../pipeline/sim/quant-sim.ts';
import { EXPORTED_SAMPLES, exportedModels, expectedOf, outputsOf, samplesOf, valuesOf } from '../support/exported.ts';
import { checkLinks } from '../support/graphs.ts';
import { sameMessage } from '../support/messages.ts';
import { suite } from '../support/suite.ts';

/** Of the largest value of an output: what the framework's and the engine's order of summation may differ by. */
const TOLERANCE: { readonly [type in DType]?: number } = { float32: 1e-5, float16: 4e-3, float64: 1e-6 };

/** An output's values may differ by one step in all but one of a thousand elements. */
const SHARE_WITHIN_ONE_STEP = 0.999;

/** Signal to noise of quantized outputs at 8 bits, in dB: far below what these models have, far above what a broken one has. */
const LEAST_SQNR = 20;

suite('exported/models', test => {
  test('there are models of both of PyTorch\'s exporters and of tf2onnx', () => {
    for (const kind of [/^torch-.*-ts/, /^torch-.*-dynamo/, /^tensorflow-/]) assert.ok(exportedModels.filter(({ name }) => kind.test(name)).length >= 5, String(kind));
  });

  for (const exported of exportedModels) {
    const { name, path } = exported;

    test(`${name}: read and written it is the same`, async () => {
      const bytes = await readFile(path);
      const model = readModel(bytes, { folder: 'fixtures/models/exported' });
      checkLinks(model.graph);
      if (!name.includes('external')) return sameMessage('ModelProto', writeModel(model), bytes, name);
      const back = readModel(writeModel(model));
      assert.equal(back.graph.initializers.map(({ initializer }) => initializer!.read()), model.graph.initializers.map(({ initializer }) => initializer!.read()));
    });

    test(`${name}: prepared it computes what its framework did`, async () => {
      const original = await readModelFile(path);
      const { model } = prepareModel(original);
      checkLinks(model.graph);
      assert.equal(namesOf(model), namesOf(original));
      const [fed, expected] = [await samplesOf(exported, original), await expectedOf(exported)];
      const actual = await outputsOf('native', model, fed);
      assert.equal(Object.keys(actual).sort(), Object.keys(expected).sort());
      for (const [output, tensor] of Object.entries(expected)) {
        assert.is(actual[output]!.dtype, tensor.dtype, `type of '${output}'`);
        const values = valuesOf(tensor);
        const bound = TOLERANCE[tensor.dtype]! * values.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
        assert.ok(farthest(actual[output]!.values, values) <= bound, `'${output}' is off by ${farthest(actual[output]!.values, values)}, allowed ${bound}`);
      }
    });

    test(`${name}: calibrated, simulated and exported it keeps its names, runs in both engines, and both forms agree`, async () => {
      const sim = await QuantSim.open(path);
      for await (const _ of sim.calibrate(exported.inputs, { workers: 1, engine: 'native', batchSize: EXPORTED_SAMPLES })); // progress is not looked at
      const original = await readModelFile(path);
      for (const model of [sim.simulated(), sim.exported()]) assert.equal(typesOf(model), typesOf(original));
      const fed = await samplesOf(exported, original);
      const float = await outputsOf('native', sim.model, fed);
      for (const engine of ['native', 'web'] as const) {
        const simulated = await outputsOf(engine, sim.simulated(), fed, { fuseQuantized: false });
        const unfused = await outputsOf(engine, sim.exported(), fed, { fuseQuantized: false });
        const fused = await outputsOf(engine, sim.exported(), fed);
        for (const [output, { values }] of Object.entries(simulated)) {
          const what = `${engine}, '${output}'`;
          assertClose(values, float[output]!.values, `${what}, simulated`);
          assertClose(fused[output]!.values, float[output]!.values, `${what}, exported`);
          assertWithinOneStep(unfused[output]!.values, values, sim.encodings.get(output)?.[0]!.delta ?? spread(values) / 255, what);
        }
      }
    });
  }
});

function assertClose(actual: Float64Array, float: Float64Array, what: string): void {
  const decibels = sqnr(float, actual);
  assert.ok(decibels > LEAST_SQNR, `${what}: ${decibels} dB are left`);
}

function assertWithinOneStep(actual: Float64Array, expected: Float64Array, step: number, what: string): void {
  const within = expected.filter((x, i) => Math.abs(x - actual[i]!) <= 1.001 * step).length;
  assert.ok(within >= SHARE_WITHIN_ONE_STEP * expected.length, `${what}: ${within} of ${expected.length} elements within a step of ${step}`);
}

/** The inputs that have no default. */
const fed = ({ inputs }: Model['graph']) => inputs.filter(({ initializer }) => initializer === null);
const namesOf = ({ graph }: Model) => [fed(graph), graph.outputs].map(values => values.map(({ name }) => name));
const typesOf = ({ graph }: Model) => [fed(graph), graph.outputs].map(values => values.map(({ name, type }) => [name, type?.dtype]));

function farthest(a: Float64Array, b: Float64Array): number {
  assert.is(a.length, b.length, 'elements');
  return a.reduce((largest, x, i) => Math.max(largest, Math.abs(x - b[i]!)), 0);
}

function sqnr(reference: Float64Array, other: Float64Array): number {
  const power = (values: Float64Array) => values.reduce((sum, x) => sum + x * x, 0);
  return 10 * Math.log10(power(reference) / power(reference.map((x, i) => x - other[i]!)));
}

function spread(values: Float64Array): number {
  return values.reduce((max, x) => Math.max(max, x), 0) - values.reduce((min, x) => Math.min(min, x), 0);
}
