import * as assert from 'uvu/assert';

import { halvesFromFloats } from '../../pipeline/base/half.ts';
import type { Tensor } from '../../pipeline/base/tensor.ts';
import { parseOverrides } from '../../pipeline/config/override.ts';
import { placeQuantizers } from '../../pipeline/config/place-quantizers.ts';
import { loadConfig } from '../../pipeline/config/presets/index.ts';
import { applyEncodings } from '../../pipeline/export/apply-encodings.ts';
import { encodingsJson } from '../../pipeline/export/encodings-json.ts';
import { readEncodings } from '../../pipeline/export/read-encodings.ts';
import { intsAttribute } from '../../pipeline/graph/attribute.ts';
import { cloneModel } from '../../pipeline/graph/clone.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { initializerOf } from '../../pipeline/graph/node.ts';
import { readModelFile } from '../../pipeline/onnx/read-model.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { tapOutputs } from '../../pipeline/passes/tap-outputs.ts';
import { buildModel, feedsFor, runModel, sameOutputs, weight } from '../support/graphs.ts';
import { madeUpEncodings } from '../support/made-up.ts';
import { floats } from '../support/random.ts';
import { draw } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';
import { node } from './models.ts';

/** The names in the encodings file of a user's model. */
function namesInFile(original: Model): { activations: string[]; parameters: string[] } {
  const { model } = prepareModel(original);
  const placement = placeQuantizers(model, loadConfig('per-channel'));
  const file = JSON.parse(encodingsJson(model, placement, madeUpEncodings(model.graph, placement), { version: '0.6.1', scheme: 'mse' })) as Record<string, object>;
  return { activations: Object.keys(file['activation_encodings']!).sort(), parameters: Object.keys(file['param_encodings']!).sort() };
}

/** Values of computed tensors under their names. */
async function valuesOf(model: Model, names: readonly string[]) {
  const tapped = cloneModel(model);
  tapOutputs(names, { keepOutputs: false })(tapped);
  return runModel(tapped, feedsFor(model));
}

/** Assert that a name means the same values in the user's model and in the one that the encodings speak of. */
async function sameMeaning(original: Model, activations: readonly string[]): Promise<void> {
  const computed = activations.filter(name => original.graph.values.get(name)!.producer !== null);
  sameOutputs(await valuesOf(prepareModel(original).model, computed), await valuesOf(original, computed), 1e-5);
}

suite('export/names', test => {
  test('every name in the file of fmnist-cnn-bn is one of the model, but for the biases that folding makes', async () => {
    const original = await readModelFile('fixtures/models/fmnist-cnn-bn.onnx');
    const { activations, parameters } = namesInFile(original);
    const own = new Set(original.graph.values.keys());
    assert.ok(activations.length > 10 && parameters.length > 10);
    assert.equal(activations.filter(name => !own.has(name)), []);
    const made = parameters.filter(name => !own.has(name));
    for (const name of made) assert.ok(own.has(name.replace(/bias$/, 'weight')), `${name} stands beside a weight of the model`);
    await sameMeaning(original, activations);
    assert.ok(original.graph.nodes.some(({ opType }) => opType === 'BatchNormalization'));
  });

  test('a tensor that is folded into another computation keeps the name under which it is read', async () => {
    const vector = (seed: number) => weight([3], { seed, min: 0.5, max: 1.5 });
    const model = buildModel({
      inputs: { image: ['N', 2, 4, 4] },
      weights: { 'bn/gamma': vector(1), 'bn/beta': vector(2), 'bn/mean': vector(3), 'bn/var': vector(4), 'conv/bias': vector(5) },
      nodes: [
        node('Constant', [], ['conv/kernel'], { value: { kind: 'tensor', value: initializerOf(weight([3, 2, 1, 1])) } }),
        node('Identity', ['conv/kernel'], ['conv/kernel/read']),
        node('Identity', ['image'], ['image/read']),
        node('Conv', ['image/read', 'conv/kernel/read', 'conv/bias'], ['conv/raw']),
        node('BatchNormalization', ['conv/raw', 'bn/gamma', 'bn/beta', 'bn/mean', 'bn/var'], ['conv/normalized']),
        node('Identity', ['conv/normalized'], ['conv/out']),
        node('MaxPool', ['conv/out'], ['pooled'], { kernel_shape: intsAttribute([2, 2]) }),
        node('Identity', ['pooled'], ['y']),
      ],
      outputs: { y: null },
    });
    const { activations, parameters } = namesInFile(model);
    assert.equal({ activations, parameters }, { activations: ['conv/normalized', 'image', 'y'], parameters: ['conv/bias', 'conv/kernel'] });
    await sameMeaning(model, activations);
  });

  test('the inputs and outputs of a half model, which are cast, have their own names and those of model.onnx', () => {
    const half: Tensor = { dtype: 'float16', dims: [4, 3], data: halvesFromFloats(floats(12)) };
    const original = draw({ inputs: { x: { dtype: 'float16', shape: [2, 4] } }, constants: { w: half }, nodes: [['MatMul', ['x', 'w'], ['y']]], outputs: { y: { dtype: 'float16', shape: [2, 3] } } });
    const { activations } = namesInFile(original);
    assert.equal(activations, ['x', 'x_float32', 'y', 'y_float32']);
    const { model } = prepareModel(original);
    const placement = placeQuantizers(model, loadConfig('per-channel'));
    const record = { bitwidth: 8, dtype: 'int', is_symmetric: 'False', min: -1, max: 1.55, scale: 0.01, offset: -100 };
    const load = (entries: object) => applyEncodings(model, placement, readEncodings(JSON.stringify({ version: '0.6.1', activation_encodings: entries, param_encodings: {} }), 'e.json')).encodings;
    assert.equal([...load({ x: [record], y: [record] }).keys()], ['x_float32', 'y_float32'], 'as another tool writes them');
    assert.equal([...load({ x_float32: [record], x: [record] }).keys()], ['x_float32'], 'as we write them');
    const overridden = placeQuantizers(model, loadConfig('per-channel'), { overrides: parseOverrides({ x: { bitwidth: 16 } }, 'o.json') });
    assert.equal(overridden.quantizers.filter(({ grid }) => grid.bitwidth === 16).map(({ tensor }) => tensor), ['x_float32']);
  });
});
