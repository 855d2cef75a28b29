import * as assert from 'uvu/assert';

import { exportWishOf, loadConfig, type PresetName, presetNames } from '../../pipeline/config/presets/index.ts';
import { placeQuantizers } from '../../pipeline/config/place-quantizers.ts';
import { intAttribute } from '../../pipeline/graph/attribute.ts';
import { readModelFile } from '../../pipeline/onnx/read-model.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { exportedModels } from '../support/exported.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { node, tensors, USUAL } from './sketches.ts';

suite('config/presets', test => {
  for (const name of presetNames) {
    test(`the preset ${name} says nothing that has no effect`, () => assert.equal(loadConfig(name).warnings, []));
  }

  test('default and per-channel differ in the granularity of weights only', () => {
    const [perTensor, perChannel] = [loadConfig('default'), loadConfig('per-channel')];
    assert.is(perTensor.defaults.perChannel, false);
    assert.equal({ ...perTensor, defaults: { ...perTensor.defaults, perChannel: true } }, perChannel);
  });

  /** Preset, hardware, whether weights of MatMul are per channel, types of the exported weights and activations, whether biases are quantized. */
  const facts: [preset: PresetName, hwVersion: string | null, isMatMulPerChannel: boolean, weights: string, activations: string, bias: boolean][] = [
    ['default', null, false, 'uint8', 'uint8', true],
    ['per-channel', null, true, 'uint8', 'uint8', true],
    ['htp-v68', 'V68', false, 'uint8', 'uint8', true],
    ['htp-v69', 'V69', false, 'uint8', 'uint8', true],
    ['htp-v73', 'V73', false, 'uint8', 'uint8', true],
    ['htp-v75', 'V75', false, 'uint8', 'uint8', true],
    ['htp-v79', 'V79', false, 'uint8', 'uint8', true],
    ['htp-v81', 'V81', false, 'uint8', 'uint8', true],
    ['onnxruntime', null, true, 'uint8', 'uint8', true],
    ['onnxruntime-qnn', null, false, 'int8', 'uint8', true],
    ['tensorrt', null, true, 'int8', 'int8', false],
    ['web', null, true, 'uint8', 'uint8', true],
  ];

  test('there is a row of facts for every preset', () => assert.equal(facts.map(([name]) => name), presetNames));

  for (const [name, hwVersion, isMatMulPerChannel, weightType, activationType, quantizeBias] of facts) {
    test(`${name} is of its hardware, and says what its runtime wants of the exported model`, () => {
      const { defaults, opTypes } = loadConfig(name);
      assert.is(defaults.hwVersion, hwVersion);
      assert.is(opTypes.get('MatMul')?.perChannel ?? defaults.perChannel, isMatMulPerChannel);
      assert.equal(exportWishOf(name), { weightType, activationType, quantizeBias, dedicatedPairs: name === 'tensorrt', depthwise: name === 'web' ? 'float' : 'integer', columnsAsChannels: name === 'onnxruntime', exactSoftmax: ['default', 'per-channel', 'onnxruntime', 'web'].includes(name) });
    });
  }

  for (const name of presetNames.filter(name => name.startsWith('htp-'))) {
    test(`${name} has InstanceNormalization per tensor, as AIMET's file of that generation, from V73 on with asymmetric weights`, () => {
      const normalization = loadConfig(name).opTypes.get('InstanceNormalization');
      assert.is(normalization?.perChannel, false);
      assert.is(normalization?.params.get('weight')?.isSymmetric ?? null, name < 'htp-v73' ? null : false);
    });
  }

  // AIMET: by its exceptions on early generations, by a pass on later ones. TensorRT fuses them; ONNX Runtime has a kernel for each
  const joined: Partial<Record<PresetName, string>> = {
    'htp-v68': 'composites.MatMulAdd', 'htp-v69': 'composites.MatMulAdd', 'tensorrt': 'composites.MatMulAdd',
    'htp-v73': 'supergroup_pass_list[2]', 'htp-v75': 'supergroup_pass_list[2]', 'htp-v79': 'supergroup_pass_list[2]', 'htp-v81': 'supergroup_pass_list[2]',
  };
  for (const name of presetNames) {
    test(`${name} has a product and its bias as ${joined[name] === undefined ? 'two layers' : 'one layer'}`, () => {
      const { units, biases } = placeQuantizers(buildModel({
        inputs: { x: [4, 8] }, weights: { w: weight([8, 6]), b: weight([6]) }, nodes: [node('MatMul', ['x', 'w'], 'p'), node('Add', ['p', 'b'], 's'), node('Tanh', ['s'], 'y')], outputs: { y: null },
      }), loadConfig(name));
      assert.equal(units.map(({ kind, rule }) => [kind, rule.path]), joined[name] === undefined ? [] : [['MatMulAdd', joined[name]]]);
      assert.equal(biases.map(({ tensor }) => tensor), joined[name] === undefined ? [] : ['b']);
    });
  }

  test('a configuration of one\'s own wants what any runtime takes', () => {
    assert.equal(exportWishOf(USUAL), exportWishOf('default'));
    assert.equal(exportWishOf('my.json'), exportWishOf('default'));
  });

  test('all quantizers of tensorrt are symmetric, so that int8 codes have zero point 0', () => {
    const { defaults } = loadConfig('tensorrt');
    assert.equal([defaults.ops.isSymmetric, defaults.params.isSymmetric], [true, true]);
  });

  // the layer's input needs a quantizer of its own on TensorRT, whoever writes it
  for (const opType of ['Cast', 'Mean']) {
    test(`tensorrt quantizes what a ${opType} gives to a layer`, () => {
      const model = buildModel({
        inputs: { x: opType === 'Cast' ? { dtype: 'float64', shape: [1, 3, 8, 8] } : [1, 3, 8, 8] }, weights: { w: weight([4, 3, 3, 3]) },
        nodes: [opType === 'Cast' ? node('Cast', ['x'], 'c', { to: intAttribute(1) }) : node('Mean', ['x', 'x'], 'c'), node('Conv', ['c', 'w'], 'y')], outputs: { y: null },
      });
      assert.equal(tensors(placeQuantizers(model, loadConfig('tensorrt'))), ['c', 'w']);
    });
  }

  for (const { name, path } of exportedModels) {
    test(`no preset contradicts itself about ${name}`, async () => {
      const { model } = prepareModel(await readModelFile(path, { inlineFunctions: true }));
      for (const preset of presetNames) assert.ok(placeQuantizers(model, loadConfig(preset)).quantizers.length > 0, preset);
    });
  }

  test('a JSON value is a configuration of its own', () => assert.is(loadConfig(USUAL, 'my.json').modelInput.isInputQuantized, true));

  test('an unknown preset lists those there are', () => {
    assert.throws(() => loadConfig('perchannel'), (error: Error) =>
      error.message === `there is no preset 'perchannel'; did you mean 'per-channel'? Presets are ${presetNames.join(', ')}`);
    assert.throws(() => loadConfig('toString'), (error: Error) => error.message === `there is no preset 'toString'. Presets are ${presetNames.join(', ')}`);
  });
});
