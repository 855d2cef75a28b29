import * as assert from 'uvu/assert';

import { describePlacement } from '../../pipeline/config/describe-placement.ts';
import { intAttribute } from '../../pipeline/graph/attribute.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { node, place, USUAL, usualBut } from './sketches.ts';

suite('config/describe-placement', test => {
  test('a row says what a tensor is, its grid, what it shares and the line that decided; biases come last', () => {
    const sketch = {
      inputs: { x: [2, 4] }, weights: { w: weight([4, 6]), b: weight([6]), c: weight([6]) }, outputs: { y: null },
      nodes: [node('Gemm', ['x', 'w', 'b'], 'p'), node('Flatten', ['p'], 'f'), node('Add', ['f', 'c'], 's'), node('Softmax', ['s'], 'y')],
    };
    const placement = place(sketch, usualBut({
      defaults: { ...USUAL.defaults, per_channel_quantization: 'True' }, op_type: { Softmax: { encoding_constraints: { min: 0, max: 1 } }, Add: { encoding_constraints: { max: 4 } } },
    }));
    const output = 'defaults.ops.is_output_quantized';
    assert.equal(describePlacement(placement, buildModel(sketch).graph).map(({ tensor, producer, kind, bitwidth, symmetry, granularity, sharedWith, constraint, rule }) =>
      [tensor, producer, kind, bitwidth, symmetry, granularity, sharedWith, constraint, rule]), [
      ['x', 'input', 'activation', 8, 'asymmetric', 'tensor', '', '', 'model_input.is_input_quantized'],
      ['w', 'initializer', 'weight', 8, 'symmetric', 'channel 1', '', '', 'defaults.params.is_quantized'],
      ['p', 'Gemm', 'activation', 8, 'asymmetric', 'tensor', '', '', output],
      ['f', 'Flatten', 'activation', 8, 'asymmetric', 'tensor', 'p', '', output],
      ['c', 'initializer', 'constant', 8, 'asymmetric', 'tensor', '', '', 'model_input.is_input_quantized'],
      ['s', 'Add', 'activation', 8, 'asymmetric', 'tensor', '', '… 4', 'op_type.Add.encoding_constraints'],
      ['y', 'Softmax', 'activation', 8, 'asymmetric', 'tensor', '', '0 … 1', 'op_type.Softmax.encoding_constraints'],
      ['b', 'initializer', 'bias', 32, 'symmetric', 'channel 0', 'x × w', '', 'input × weight'],
    ]);
  });

  test('a row has the section that decided, and all tensors whose statistics do', () => {
    const placement = place({
      inputs: { x: [1, 4] }, outputs: { c: null }, nodes: [node('Sigmoid', ['x'], 'a'), node('Tanh', ['x'], 'b'), node('Concat', ['a', 'b'], 'c', { axis: intAttribute(0) })],
    }, usualBut({ ties: { Concat: 'True' } }));
    assert.equal(describePlacement(placement).map(({ tensor, section, observed }) => [tensor, section, observed]), [
      ['x', 'model_input', ['x']], ['a', 'defaults', ['a', 'b', 'c']], ['b', 'defaults', ['a', 'b', 'c']], ['c', 'defaults', ['a', 'b', 'c']],
    ]);
  });
});
