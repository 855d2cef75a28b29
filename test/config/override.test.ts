import * as assert from 'uvu/assert';

import { intAttribute } from '../../pipeline/graph/attribute.ts';
import { parseOverrides } from '../../pipeline/config/override.ts';
import { weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { lines, node, place, ruleOf, tensors, USUAL, usualBut } from './sketches.ts';

const sketch = {
  inputs: { x: [1, 4, 8, 8] }, weights: { w: weight([6, 4, 3, 3]), b: weight([6]), k: weight([1], { min: 1, max: 2 }) },
  nodes: [node('Conv', ['x', 'w', 'b'], 'a'), node('Relu', ['a'], 'r'), node('Transpose', ['r'], 't'), node('Mul', ['t', 'k'], 'y')], outputs: { y: null },
};
const overridden = (json: object, config: object = usualBut({ supergroups: [{ op_list: ['Conv', 'Relu'] }] }), model: Parameters<typeof place>[0] = sketch) =>
  place(model, config, { overrides: parseOverrides(json, 'my.json') });
const lineOf = (json: object, tensor: string, config?: object) => lines(overridden(json, config)).find(line => line.startsWith(`${tensor} `));

const refused: [json: unknown, message: string][] = [
  [[], 'my.json: expected an object, got []'],
  [{ y: { bits: 8 } }, 'y.bits: unknown key; known are is_quantized, bitwidth, symmetry, format, per_channel, min, max'],
  [{ y: { symetry: 'symmetric' } }, "y.symetry: unknown key; did you mean 'symmetry'?"],
  [{ y: { symmetry: 'True' } }, 'y.symmetry: expected "asymmetric" or "symmetric" or "strict-symmetric" or "unsigned-symmetric", got "True"'],
  [{ y: { bitwidth: '8' } }, 'y.bitwidth: expected a number, got "8"'],
  [{ y: { is_quantized: 'no' } }, 'y.is_quantized: expected "True" or "False", got "no"'],
  [{ y: { min: 2, max: 6 } }, 'y: zero must have a code, and lies outside with min 2 and max 6; set min 0 and max 6'],
  [{ y: { min: -6, max: -0.5 } }, 'y: zero must have a code, and lies outside with min -6 and max -0.5; set min -6 and max 0'],
  [{ y: { min: 0.25 } }, 'y: zero must have a code, and lies outside with min 0.25; set min 0'],
  [{ y: { min: -1e300 } }, 'y.min: expected a number that float32 can hold, got -1e+300'],
  [{ y: { min: 2, max: 1 } }, 'y: min must be below max, got 2 and 1'],
  [{ y: { is_quantized: 'False', bitwidth: 8 } }, 'y: is_quantized is "False", so nothing else can be set'],
  [{ y: { bitwidth: 3 } }, 'y: bitwidth must be an integer from 4 to 32, got 3'],
  [{ w: { bitwidth: 1 } }, 'w: bitwidth must be an integer from 2 to 32, got 1'],
  [{ w: { bitwidth: 33 } }, 'w: bitwidth must be an integer from 2 to 32, got 33'],
  [{ y: { per_channel: 'True' } }, 'y: only the weights of Conv, ConvTranspose, Gemm and MatMul have channels, so per_channel can only be "False"'],
  [{ w: { per_channel: 'True', min: 0 } }, 'w: min and max are one range, and the weight has one for every channel; add "per_channel": "False"'],
  [{ y: { format: 'float' } }, 'y.format: expected "float16" or "bfloat16", got "float"'],
  [{ y: { format: 'float16', bitwidth: 16 } }, 'y: format is "float16", which has no grid, so bitwidth cannot be set'],
  [{ w: { format: 'bfloat16', per_channel: 'True' } }, 'w: format is "bfloat16", which has no grid, so per_channel cannot be set'],
  [{ y: { format: 'float16', max: 6 } }, 'y: format is "float16", which has no grid, so max cannot be set'],
  [{ y: { is_quantized: 'False', format: 'float16' } }, 'y: is_quantized is "False", so nothing else can be set'],
  [{ b: { format: 'float16' } }, 'b: the tensor is an int32 bias, whose step is that of input times weight: only is_quantized can be set'],
  [{ b: { bitwidth: 16 } }, 'b: the tensor is an int32 bias, whose step is that of input times weight: only is_quantized can be set'],
  [{ q: {} }, "my.json: the prepared model has no tensor 'q'"],
  [{ '/block/y': {}, long_nam: {} }, "my.json: the prepared model has no tensors '/block/y', 'long_nam'; did you mean 'long_name'?"],
  [{ n: {} }, 'n: the tensor cannot have a quantizer: it is no float32 tensor'],
];

suite('config/override', test => {
  for (const [json, message] of refused) {
    test(`refuses: ${message}`, () => {
      const model = { ...sketch, inputs: { ...sketch.inputs, n: { dtype: 'int64' as const, shape: [1] }, long_name: [1] } };
      assert.throws(() => overridden(json as object, USUAL, model), (error: Error) => assert.is(error.message, message) === undefined);
    });
  }

  test('bit-width, symmetry and range of one tensor are set on top of all sections and exceptions', () => {
    assert.is(lineOf({ y: { bitwidth: 16, symmetry: 'strict-symmetric' } }, 'y'), 'y activation 16 strict-symmetric');
    const { quantizers } = overridden({ y: { min: -2, max: 2 } }, usualBut({ op_type: { Mul: { encoding_constraints: { min: 0, max: 1 }, is_symmetric: 'True' } } }));
    assert.equal(quantizers.find(({ tensor }) => tensor === 'y')!.constraint, { min: -2, max: 2 });
    assert.is(lineOf({ y: { min: -2, max: 2, symmetry: 'asymmetric' } }, 'y'), 'y activation 8 asymmetric');
  });

  test('the rule is of the section override, and names the key', () => {
    const placement = overridden({ y: { bitwidth: 16 }, w: { bitwidth: 4 } });
    assert.equal(placement.quantizers.find(({ tensor }) => tensor === 'y')!.rule, { section: 'override', path: 'y.bitwidth' });
    assert.equal(placement.quantizers.find(({ tensor }) => tensor === 'w')!.rule, { section: 'override', path: 'w' });
    assert.is(ruleOf(placement, 'x'), 'model_input.is_input_quantized');
  });

  test('a weight gets its own bit-width, range and granularity', () => {
    assert.is(lineOf({ w: { bitwidth: 4, per_channel: 'True' } }, 'w'), 'w weight 4 symmetric channel 0');
    const perChannel = usualBut({ defaults: { ...USUAL.defaults, per_channel_quantization: 'True' } });
    const placement = overridden({ w: { per_channel: 'False', min: -1 } }, perChannel);
    assert.equal(placement.quantizers.find(({ tensor }) => tensor === 'w'), {
      tensor: 'w', role: 'weight', grid: { bitwidth: 8, symmetry: 'symmetric' }, granularity: { kind: 'tensor' }, group: 'w', observed: [], constraint: { min: -1, max: null },
      rule: { section: 'override', path: 'w' },
    });
  });

  test('what is turned off is left in float, and says why', () => {
    const { float } = overridden({ y: { is_quantized: 'False' }, w: { is_quantized: false }, k: { is_quantized: 'False' } });
    assert.equal(float.map(({ name, reason }) => `${name}: ${reason}`), [
      ...['w', 'k', 'y'].map(name => `${name}: an override turns it off`), 'b: a bias has the step of its products, and the weight beside it is not quantized',
    ]);
    assert.equal(overridden({ b: { is_quantized: 'False' } }).float.map(({ name, reason }) => `${name}: ${reason}`), ['b: an override turns it off']);
  });

  test('a bias that is turned off keeps its float values', () => {
    assert.equal(overridden({}).biases.map(({ tensor }) => tensor), ['b']);
    assert.equal(overridden({ b: { is_quantized: 'True' } }).biases.map(({ tensor }) => tensor), ['b']);
    assert.equal(overridden({ b: { is_quantized: 'False' } }).biases, []);
    const product = { inputs: { x: [4, 8] }, weights: { w: weight([8, 6]), b: weight([6]) }, nodes: [node('MatMul', ['x', 'w'], 'p'), node('Add', ['p', 'b'], 'y')], outputs: { y: null } };
    const { biases, quantizers, float } = overridden({ b: { is_quantized: 'False' } }, usualBut({ composites: { MatMulAdd: 'True' } }), product);
    assert.equal([biases, quantizers.map(({ tensor }) => tensor), float.map(({ name, reason }) => `${name}: ${reason}`)], [[], ['x', 'w', 'y'], ['b: an override turns it off']]);
  });

  test('a tensor that the configuration leaves out gets a quantizer by being named: inside a unit, or where nothing is on', () => {
    assert.is(lineOf({ a: {} }, 'a'), 'a activation 8 asymmetric');
    assert.equal(tensors(overridden({ a: { bitwidth: 16 } }, { ...USUAL, defaults: { ops: {}, params: {} }, model_input: {} })), ['a']);
    assert.equal(tensors(overridden({ w: {} }, { ...USUAL, defaults: { ops: {}, params: {} }, model_input: {} })), ['w']);
  });

  test('a tensor that was only moved has the encoding of where it came from, and so has its override', () => {
    assert.equal(lines(overridden({ t: { bitwidth: 16 } })).slice(2, 4), ['r activation 16 asymmetric', 't activation 16 asymmetric = r']);
    assert.throws(() => overridden({ t: { bitwidth: 16 }, r: { bitwidth: 8 } }), /t\.bitwidth and r\.bitwidth contradict each other about tensor 'r'/);
  });

  test('a tensor that floats are kept of gets a grid by an override that speaks of one', () => {
    const half = { weightFormat: 'float16', activationFormat: 'float16', overrides: parseOverrides({ y: { bitwidth: 8 }, w: { symmetry: 'asymmetric' }, r: {} }, 'my.json') } as const;
    assert.equal(lines(place(sketch, USUAL, half)).filter(line => !line.includes('float16')), ['w weight 8 asymmetric', 'y activation 8 asymmetric']);
  });

  test('a 16-bit floating-point format takes the place of a grid: of an activation, a weight, a constant, and what was moved', () => {
    const placement = overridden({ r: { format: 'float16' }, w: { format: 'bfloat16', is_quantized: 'True' }, k: { format: 'float16' } });
    assert.equal(lines(placement).map(line => line.split(' ').slice(0, 4).join(' ')), [
      'x activation 8 asymmetric', 'y activation 8 asymmetric', 'w weight 16 bfloat16', 'r activation 16 float16', 't activation 16 float16', 'k activation 16 float16',
    ]);
    assert.equal(placement.floats.map(({ tensor, rule }) => `${tensor}: ${rule.section} ${rule.path}`), ['w: override w', 'r: override r.format', 't: override r.format', 'k: override k.format']);
    assert.equal(placement.float.map(({ name, reason }) => `${name}: ${reason}`), ['b: a bias has the step of its products, and the weight beside it is in bfloat16, which has none']);
  });

  test('a format and a grid for tensors that share an encoding contradict each other', () => {
    assert.throws(() => overridden({ t: { format: 'float16' }, r: { format: 'bfloat16' } }), /t\.format and r\.format contradict each other about tensor 'r'/);
    assert.throws(() => overridden({ t: { format: 'float16' }, r: { bitwidth: 8 } }), /t\.format and r contradict each other about tensor 'r'/);
  });

  test('a weight in blocks that decompress keeps its grid, unless it leaves the blocks', () => {
    const inBlocks = (json: object) => place(sketch, USUAL, { weightBitwidth: 4, blocks: { blockSize: 2, decompressedBitwidth: 8, undivided: 'refuse' }, overrides: parseOverrides(json, 'my.json') });
    assert.throws(() => inBlocks({ w: { bitwidth: 8 } }), /w: the weight is in blocks that decompress to a common width/);
    assert.equal(lines(inBlocks({ w: { bitwidth: 8, per_channel: 'True' } })).filter(line => line.startsWith('w ')), ['w weight 8 symmetric channel 0']);
  });

  test('a tensor with an override is not tied by Concat', () => {
    const concat = {
      inputs: { x: [1, 4] }, outputs: { c: null },
      nodes: [node('Sigmoid', ['x'], 'a'), node('Tanh', ['x'], 'b'), node('Concat', ['a', 'b'], 'c', { axis: intAttribute(0) })],
    };
    assert.equal(lines(overridden({ b: { bitwidth: 16 } }, usualBut({ ties: { Concat: 'True' } }), concat)), [
      'x activation 8 asymmetric', 'a activation 8 asymmetric', 'b activation 16 asymmetric', 'c activation 8 asymmetric = a',
    ]);
  });

  test('what is moved out of a weight keeps it from having an encoding for every channel', () => {
    const moved = { ...sketch, nodes: [node('Conv', ['x', 'w'], 'y'), node('Flatten', ['w'], 'v'), node('Sigmoid', ['v'], 'z')], outputs: { y: null, z: null } };
    assert.throws(() => overridden({ w: { per_channel: 'True' } }, USUAL, moved), (error: Error) => error.message === 'w: \'v\' holds values of the weight and shares its encoding, so per_channel can only be "False"');
  });
});
