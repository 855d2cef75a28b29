import * as assert from 'uvu/assert';

import type { Tensor } from '../../pipeline/base/tensor.ts';
import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { type Attribute, floatAttribute, intAttribute, stringAttribute } from '../../pipeline/graph/attribute.ts';
import { weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { lines, node, place, usualBut } from './sketches.ts';

const shape = { s: { dtype: 'int64' as const, dims: [2], data: BigInt64Array.of(1n, 1n) } };
const filler = (value: number): Record<string, Tensor> => ({ ...shape, f: float32Tensor([], Float32Array.of(value)) });

/** What stands between a Sigmoid and a Tanh, and whether its output shares the encoding of its input. */
const movers: [op: string, inputs: string[], isTied: boolean, attributes?: Record<string, Attribute>, constants?: Record<string, Tensor>][] = [
  ...['Reshape', 'Expand', 'Tile', 'Squeeze', 'Unsqueeze', 'Slice', 'Gather', 'GatherElements', 'GatherND', 'ReduceMax', 'ReduceMin', 'TopK', 'Trilu', 'Compress',
    'ReverseSequence', 'CenterCropPad', 'MaxRoiPool', 'MaxUnpool'].map(op => [op, ['a', 's'], true] as [string, string[], boolean]),
  ...['Transpose', 'Flatten', 'MaxPool', 'GlobalMaxPool', 'DepthToSpace', 'SpaceToDepth', 'Identity', 'Dropout', 'Split'].map(op => [op, ['a'], true] as [string, string[], boolean]),
  ['Pad', ['a', 's'], true],
  ['Pad', ['a', 's', 'f'], true, {}, filler(0)],
  ['Pad', ['a', 's', 'f'], false, {}, filler(-3)],
  ['Pad', ['a', 's', 'f'], true, { mode: stringAttribute('reflect') }, filler(-3)],
  ['Resize', ['a', '', 's'], true, { mode: stringAttribute('nearest') }],
  ['Resize', ['a', '', 's'], false, { mode: stringAttribute('linear') }],
  ['Resize', ['a', 's', '', 's'], true, { coordinate_transformation_mode: stringAttribute('tf_crop_and_resize') }],
  ['Resize', ['a', 's', '', 's'], false, { coordinate_transformation_mode: stringAttribute('tf_crop_and_resize'), extrapolation_value: floatAttribute(-3) }],
  ['Resize', ['a', '', 's'], true, { extrapolation_value: floatAttribute(-3) }],
  ['AveragePool', ['a'], false],
  ['ReduceMean', ['a'], false],
  ['Col2Im', ['a', 's', 's'], false],
  ['Relu', ['a'], false],
];

suite('config/tied-tensors', test => {
  for (const [op, inputs, isTied, attributes = {}, constants = shape] of movers) {
    test(`${op}${Object.keys(attributes).length + inputs.length > 2 ? ` (${inputs.length} inputs, ${Object.keys(attributes).join()})` : ''} ${isTied ? 'moves' : 'computes'}`, () => {
      const placement = place({
        inputs: { x: [1, 4, 8, 8] }, weights: constants, nodes: [node('Sigmoid', ['x'], 'a'), node(op, inputs, 'b', attributes), node('Tanh', ['b'], 'y')], outputs: { y: null },
      });
      assert.equal(lines(placement).slice(2, 3), [isTied ? 'b activation 8 asymmetric = a' : 'b activation 8 asymmetric']);
      assert.equal(placement.quantizers.find(({ tensor }) => tensor === 'b')!.observed, [isTied ? 'a' : 'b']);
    });
  }

  test('a chain of moves shares the encoding of its beginning, in every branch', () => {
    const sketch = {
      inputs: { x: [1, 4, 8, 8] },
      nodes: [node('Transpose', ['x'], 'a'), { op: 'Split', in: ['a'], out: ['b', 'c'] }, node('Flatten', ['b'], 'd'), node('Sigmoid', ['d'], 'y'), node('Tanh', ['c'], 'z')],
      outputs: { y: null, z: null },
    };
    assert.equal(lines(place(sketch)), [
      'x activation 8 asymmetric', ...['a', 'b', 'c', 'd'].map(name => `${name} activation 8 asymmetric = x`), 'y activation 8 asymmetric', 'z activation 8 asymmetric',
    ]);
  });

  const poolBetween = { inputs: { x: [1, 4, 8, 8] }, nodes: [node('Sigmoid', ['x'], 'a'), node('MaxPool', ['a'], 'b'), node('Tanh', ['b'], 'y')], outputs: { y: null } };

  test('an output that op_type turns off is shared all the same, one that it turns on has an encoding of its own', () => {
    assert.is(lines(place(poolBetween, usualBut({ op_type: { MaxPool: { is_output_quantized: 'False' } } })))[2], 'b activation 8 asymmetric = a');
    assert.is(lines(place(poolBetween, usualBut({ op_type: { MaxPool: { is_output_quantized: 'True' } } })))[2], 'b activation 8 asymmetric');
  });

  test('what is said of a moved tensor is said of the one it came from', () => {
    const config = usualBut({ op_type: { Tanh: { is_symmetric: 'True' } } });
    assert.equal(lines(place(poolBetween, config)).slice(1, 3), ['a activation 8 symmetric', 'b activation 8 symmetric = a']);
    const off = usualBut({ op_type: { Sigmoid: { is_output_quantized: 'False' } } });
    assert.equal(lines(place(poolBetween, off)), ['x activation 8 asymmetric', 'y activation 8 asymmetric']);
  });

  test('what is said of the graph output is said of the tensor it was moved from', () => {
    const sketch = { ...poolBetween, nodes: poolBetween.nodes.slice(0, 2), outputs: { b: null } };
    const config = usualBut({ op_type: { Sigmoid: { is_output_quantized: 'False' } }, model_output: { is_output_quantized: 'True' } });
    assert.equal(lines(place(sketch, config)), ['x activation 8 asymmetric', 'a activation 8 asymmetric', 'b activation 8 asymmetric = a']);
  });

  test('an operator of another domain moves nothing, whatever its name', () => {
    const sketch = { ...poolBetween, nodes: [poolBetween.nodes[0]!, { ...poolBetween.nodes[1]!, domain: 'custom' }, poolBetween.nodes[2]!] };
    assert.is(lines(place(sketch))[2], 'b activation 8 asymmetric');
  });

  test('what is moved out of a weight with an encoding for every channel has its own', () => {
    const sketch = {
      inputs: { x: [1, 4, 8, 8] }, weights: { w: weight([6, 4, 3, 3]) },
      nodes: [node('Conv', ['x', 'w'], 'y'), node('Flatten', ['w'], 'v'), node('Sigmoid', ['v'], 'z')], outputs: { y: null, z: null },
    };
    const config = usualBut({ op_type: { Conv: { per_channel_quantization: 'True' } } });
    assert.equal(lines(place(sketch, config)).slice(1), ['w weight 8 symmetric channel 0', 'y activation 8 asymmetric', 'v activation 8 asymmetric', 'z activation 8 asymmetric']);
    assert.ok(lines(place(sketch)).includes('v activation 8 symmetric = w'));
  });

  test('the end of a unit shares nothing with what is inside', () => {
    const sketch = {
      inputs: { x: [1, 4, 8, 8] }, weights: { w: weight([6, 4, 3, 3]) },
      nodes: [node('Conv', ['x', 'w'], 'a'), node('Transpose', ['a'], 'b'), node('Relu', ['b'], 'y')], outputs: { y: null },
    };
    const config = usualBut({ supergroups: [{ op_list: ['Conv', 'Transpose'] }] });
    assert.equal(lines(place(sketch, config)), ['x activation 8 asymmetric', 'w weight 8 symmetric', 'b activation 8 asymmetric', 'y activation 8 asymmetric']);
  });

  test('integers move without encodings', () => {
    const sketch = {
      inputs: { x: { dtype: 'int64' as const, shape: [2, 3] } },
      nodes: [node('Transpose', ['x'], 'a'), node('Cast', ['a'], 'b', { to: intAttribute(1) }), node('Sigmoid', ['b'], 'y')],
      outputs: { y: null },
    };
    const model = place({ ...sketch, outputs: { a: { dtype: 'int64', shape: [3, 2] }, y: null } });
    assert.equal(lines(model), ['b activation 8 asymmetric', 'y activation 8 asymmetric']);
  });
});
