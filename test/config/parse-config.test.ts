import { readFile } from 'node:fs/promises';
import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { parseConfig } from '../../pipeline/config/parse-config.ts';
import { suite } from '../support/suite.ts';
import { EMPTY } from './sketches.ts';

const fixture = async (name: string) => parseConfig(JSON.parse(await readFile(`fixtures/configs/${name}.json`, 'utf8')), name);
const withDefaults = (more: object) => ({ ...EMPTY, defaults: { ...EMPTY.defaults, ...more } });
const withType = (opType: string, settings: unknown) => ({ ...EMPTY, op_type: { [opType]: settings } });
const int8 = { bitwidth: 8, dtype: 'int' };

const refused: [config: unknown, message: string][] = [
  [[], 'my.json: expected an object, got []'],
  ['default', 'my.json: expected an object, got "default"'],
  [{ ...EMPTY, op_types: {} }, "op_types: unknown section; did you mean 'op_type'?"],
  [{ ...EMPTY, version: 1 }, 'version: unknown section; known are defaults, params, op_type, supergroups, model_input, model_output, supergroup_pass_list, composites, ties'],
  [{ version: 1, comment: '', ...EMPTY, parms: {} }, "parms: unknown section; did you mean 'params'?"],
  [{ defaults: { ...EMPTY.defaults, op_type: {} } }, 'defaults.op_type: unknown key; known are ops, params, strict_symmetric, unsigned_symmetric, per_channel_quantization, supported_kernels, hw_version'],
  [{ op_type: { Conv: { is_ouput_quantized: 'True' } } }, "op_type.Conv.is_ouput_quantized: unknown key; did you mean 'is_output_quantized'?"],
  [{ ...EMPTY, supergroups: undefined }, 'supergroups: expected a list, got undefined'],
  [{ defaults: EMPTY.defaults }, "my.json: section 'params' is missing; it may be empty"],
  [{ ...EMPTY, defaults: { params: {} } }, "defaults: 'ops' is missing; it may be empty"],
  [{ ...EMPTY, defaults: { ops: {} } }, "defaults: 'params' is missing; it may be empty"],
  [withDefaults({ per_chanel_quantization: 'True' }), "defaults.per_chanel_quantization: unknown key; did you mean 'per_channel_quantization'?"],
  [withDefaults({ Conv: { is_output_quantized: 'True' } }), 'defaults.Conv: settings of one operator stand in another section: op_type.Conv'],
  [withDefaults({ ops: { is_quantized: 'True' } }), "defaults.ops.is_quantized: unknown key; known are is_input_quantized, is_output_quantized, is_symmetric"],
  [withDefaults({ strict_symmetric: 'yes' }), 'defaults.strict_symmetric: expected "True" or "False", got "yes"'],
  [withDefaults({ strict_symmetric: 'True', unsigned_symmetric: 'True' }), 'defaults: strict_symmetric and unsigned_symmetric cannot both be "True"'],
  [withDefaults({ hw_version: 73 }), 'defaults.hw_version: expected a name, got 73'],
  [withDefaults({ supported_kernels: [] }), 'defaults.supported_kernels: the list is empty'],
  [withDefaults({ supported_kernels: [{ activation: int8 }] }), "defaults.supported_kernels[0]: 'param' is missing"],
  [withDefaults({ supported_kernels: [{ param: int8 }] }), "defaults.supported_kernels[0]: 'activation' is missing"],
  [withDefaults({ supported_kernels: [{ activation: { ...int8, bitwidth: 7 }, param: int8 }] }), 'defaults.supported_kernels[0].activation.bitwidth: expected 4 or 8 or 16 or 32, got 7'],
  [withDefaults({ supported_kernels: [{ activation: { ...int8, dtype: 'uint' }, param: int8 }] }), 'defaults.supported_kernels[0].activation.dtype: expected "int" or "float", got "uint"'],
  [withDefaults({ supported_kernels: [{ activation: { bitwidth: 8 }, param: int8 }] }), "defaults.supported_kernels[0].activation: 'dtype' is missing"],
  [{ ...EMPTY, params: { bias: { is_quantised: 'True' } } }, "params.bias.is_quantised: unknown key; did you mean 'is_quantized'?"],
  [{ ...EMPTY, params: [] }, 'params: expected an object, got []'],
  [withType('Conv', { is_output_quantized: 1 }), 'op_type.Conv.is_output_quantized: expected "True" or "False", got 1'],
  [withType('Conv', { is_output_quantized: 'true' }), 'op_type.Conv.is_output_quantized: expected "True" or "False", got "true"'],
  [withType('Conv', { is_ouput_quantized: 'True' }), "op_type.Conv.is_ouput_quantized: unknown key; did you mean 'is_output_quantized'?"],
  [withType('Conv', null), 'op_type.Conv: expected an object, got null'],
  [withType('Conv', { params: { weight: 'True' } }), 'op_type.Conv.params.weight: expected an object, got "True"'],
  [withType('Relu', { encoding_constraints: {} }), 'op_type.Relu.encoding_constraints: neither min nor max is given'],
  [withType('Relu', { encoding_constraints: { min: '0' } }), 'op_type.Relu.encoding_constraints.min: expected a number, got "0"'],
  [withType('Relu', { encoding_constraints: { min: 3, max: 1 } }), 'op_type.Relu.encoding_constraints: min must be below max, got 3 and 1'],
  [{ ...EMPTY, supergroups: {} }, 'supergroups: expected a list, got {}'],
  [{ ...EMPTY, supergroups: [{}] }, "supergroups[0]: 'op_list' is missing"],
  [{ ...EMPTY, supergroups: [{ op_list: ['Conv'] }] }, 'supergroups[0].op_list: a supergroup has at least 2 operators, got 1'],
  [{ ...EMPTY, supergroups: [{ op_list: ['Conv', 3] }] }, 'supergroups[0].op_list[1]: expected a name, got 3'],
  [{ ...EMPTY, model_input: { is_output_quantized: 'True' } }, "model_input.is_output_quantized: unknown key; did you mean 'is_input_quantized'?"],
  [{ ...EMPTY, model_output: { is_output_quantized: null } }, 'model_output.is_output_quantized: expected "True" or "False", got null'],
  [{ ...EMPTY, composites: { Gelo: 'True' } }, "composites.Gelo: unknown composite operator; did you mean 'Gelu'?"],
  [{ ...EMPTY, params: { biass: {} } }, "params.biass: unknown parameter; did you mean 'bias'?"],
  [withType('Conv', { params: { wieght: {} } }), "op_type.Conv.params.wieght: unknown parameter; did you mean 'weight'?"],
  [withType('Relu', { per_channel_quantization: 'True' }), 'op_type.Relu.per_channel_quantization: Relu has no weight with output channels, so it can only be "False"'],
  [{ ...EMPTY, ties: { Concta: 'True' } }, "ties.Concta: unknown operator whose tensors can share an encoding; did you mean 'Concat'?"],
  [{ ...EMPTY, ties: { Concat: 'yes' } }, 'ties.Concat: expected "True" or "False", got "yes"'],
  [withDefaults({ supported_kernels: [{ activation: { bitwidth: 8, dtype: 'float' }, param: int8 }] }), 'defaults.supported_kernels[0].activation: floats have 16 or 32 bits, got 8'],
  [withType('Conv', { params: Array.from({ length: 40 }, (_, i) => i) }), 'op_type.Conv.params: expected an object, got [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,…'],
];

const warned: [config: unknown, warning: string][] = [
  [withDefaults({ hw_version: 'V70' }), "defaults.hw_version: no exceptions of 'V70' are known, only those of V66, V68, V69, V73, V75, V79, V81"],
  [withType('Convv', {}), "op_type.Convv has no effect: ONNX has no operator 'Convv'; did you mean 'Conv'?"],
  [withType('Linear', {}), "op_type.Linear has no effect: ONNX has no operator 'Linear'; PyTorch's Linear is Gemm or MatMul there"],
  [withType('BatchNorm2d', {}), "op_type.BatchNorm2d has no effect: ONNX has no operator 'BatchNorm2d'; PyTorch's BatchNorm2d is BatchNormalization there"],
  [withType('MyOwnOperator', {}), "op_type.MyOwnOperator has no effect: ONNX has no operator 'MyOwnOperator'"],
  [withType('ChannelShuffle', {}), "op_type: ONNX has no operators ChannelShuffle; they are Qualcomm's own, and settings of them have no effect"],
  [withType('Conv', { params: { running_var: {} } }), 'op_type.Conv.params.running_var has no effect: Conv has no such parameter'],
  [withType('Reshape', { is_symmetric: 'True' }), 'op_type.Reshape.is_symmetric has no effect: the output shares the encoding of the input, unless is_output_quantized is "True"'],
  [withType('MaxPool', { is_output_quantized: 'False' }),
    'op_type: is_output_quantized "False" changes nothing for MaxPool: what only moves data has no quantizer of its own, and its output is on the grid of its input'],
  [withType('Relu', { encoding_constraints: { min: 1, max: 6 } }), 'op_type.Relu.encoding_constraints: zero must have a code, and lies outside with min 1 and max 6; what counts is min 0 and max 6'],
  [withType('Relu', { encoding_constraints: { max: -1 } }), 'op_type.Relu.encoding_constraints: zero must have a code, and lies outside with max -1; what counts is max 0'],
  [withType('MaxPool', { encoding_constraints: { min: 0 } }), 'op_type.MaxPool.encoding_constraints has no effect: the output shares the encoding of the input, unless is_output_quantized is "True"'],
  [{ ...EMPTY, params: { bias: { is_quantized: 'True' } } },
    'params.bias.is_quantized has no effect on Conv, ConvTranspose and Gemm: their biases are always int32, with the step of input times weight'],
  [{ ...EMPTY, supergroups: [{ op_list: ['Conv', 'ReLU6'] }] }, "supergroups[0].op_list matches nothing: ONNX has no operator 'ReLU6'; did you mean 'Relu'?"],
  [{ ...EMPTY, supergroup_pass_list: ['LayerNorm'] }, "supergroup_pass_list: 'LayerNorm' has no effect; known are LayerNormalization, RMSNormalization, MatmulAdd"],
];

suite('config/parse-config', test => {
  for (const [config, message] of refused) {
    test(`refuses: ${message}`, () => {
      assert.throws(() => parseConfig(config, 'my.json'), (error: unknown) => error instanceof QuantpipeError && error.code === 'config-invalid' && assert.is(error.message, message) === undefined);
    });
  }

  for (const [config, warning] of warned) {
    test(`warns: ${warning}`, () => assert.equal(parseConfig(config, 'my.json').warnings, [warning]));
  }

  test('is_output_quantized "False" is no news for what computes, always or sometimes', () => {
    for (const opType of ['Relu', 'Resize', 'Pad']) assert.equal(parseConfig(withType(opType, { is_output_quantized: 'False' }), 'my.json').warnings, []);
  });

  test('every key of every section is read', async () => {
    const config = await fixture('every-key');
    const kernel = (bitwidth: number, dtype: string) => ({ bitwidth, dtype });
    assert.equal(config.defaults, {
      ops: { isInputQuantized: false, isOutputQuantized: true, isSymmetric: false }, params: { isQuantized: true, isSymmetric: true },
      strictSymmetric: true, unsignedSymmetric: false, perChannel: true, hwVersion: 'V73', supportedKernels: [{ activation: kernel(8, 'int'), param: kernel(8, 'int'), path: 'defaults.supported_kernels[0]' }],
    });
    assert.equal([...config.params], [['bias', { isQuantized: false, isSymmetric: null }], ['weight', { isQuantized: true, isSymmetric: true }]]);
    assert.equal([...config.opTypes.keys()], ['Softmax', 'Relu', 'Gemm']);
    assert.equal(config.opTypes.get('Softmax'), {
      isInputQuantized: true, isOutputQuantized: true, isSymmetric: false, params: new Map(), perChannel: null, constraint: { min: 0, max: 1 }, supportedKernels: [],
    });
    assert.equal(config.opTypes.get('Relu')!.constraint, { min: 0, max: null });
    assert.equal(config.opTypes.get('Gemm'), {
      isInputQuantized: null, isOutputQuantized: null, isSymmetric: null, perChannel: false, constraint: null,
      params: new Map([['weight', { isQuantized: null, isSymmetric: false }]]), supportedKernels: [{ activation: kernel(16, 'float'), param: null, path: 'op_type.Gemm.supported_kernels[0]' }],
    });
    assert.equal(config.supergroups, [
      { opTypes: ['Conv', 'Relu'], path: 'supergroups[0].op_list' }, { opTypes: ['Conv', 'BatchNormalization', 'Relu'], path: 'supergroups[1].op_list' },
    ]);
    assert.equal(config.modelInput, { isInputQuantized: true });
    assert.equal(config.modelOutput, { isOutputQuantized: true });
    assert.equal(config.passes, ['LayerNormalization', 'RMSNormalization', 'MatmulAdd']);
    assert.equal([...config.composites], [['Gelu', false], ['Swish', true]]);
    assert.equal([...config.ties], [['Concat', true], ['AveragePool', false]]);
  });

  test('a configuration for a Hexagon is taken as it is, and what has no effect is said', async () => {
    assert.equal((await fixture('hexagon')).warnings, [
      "op_type: ONNX has no operators ChannelShuffle, CropAndResize; they are Qualcomm's own, and settings of them have no effect",
      'op_type: is_output_quantized "False" changes nothing for Gather, MaxPool, Reshape, Transpose: what only moves data has no quantizer of its own, and its output is on the grid of its input',
    ]);
  });

  test('JSON\'s own booleans are taken like AIMET\'s strings', async () => {
    const text = await readFile('fixtures/configs/every-key.json', 'utf8');
    const plain = JSON.parse(text.replaceAll('"True"', 'true').replaceAll('"False"', 'false'));
    assert.equal(parseConfig(plain, 'plain'), await fixture('every-key'));
  });
});
