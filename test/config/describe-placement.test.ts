import * as assert from 'uvu/assert';

import { describePlacement } from '../../pipeline/config/describe-placement.ts';
import { weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { node, place, USUAL, usualBut } from './sketches.ts';

suite('config/describe-placement', test => {
  test('a row says what a tensor is, its grid, what it shares and the line that decided; biases come last', () => {
    const placement = place({
      inputs: { x: [2, 4] }, weights: { w: weight([4, 6]), b: weight([6]), c: weight([6]) }, outputs: { y: null },
      nodes: [node('Gemm', ['x', 'w', 'b'], 'p'), node('Flatten', ['p'], 'f'), node('Add', ['f', 'c'], 's'), node('Softmax', ['s'], 'y')],
    }, usualBut({
      defaults: { ...USUAL.defaults, per_channel_quantization: 'True' }, op_type: { Softmax: { encoding_constraints: { min: 0, max: 1 } }, Add: { encoding_constraints: { max: 4 } } },
    }));
    const output = 'defaults.ops.is_output_quantized';
    assert.equal(describePlacement(placement).map(row => Object.values(row)), [
      ['x', 'activation', 8, 'asymmetric', 'tensor', '', '', 'model_input.is_input_quantized'],
      ['w', 'weight', 8, 'symmetric', 'channel 1', '', '', 'defaults.params.is_quantized'],
      ['p', 'activation', 8, 'asymmetric', 'tensor', '', '', output],
      ['f', 'activation', 8, 'asymmetric', 'tensor', 'p', '', output],
      ['c', 'constant', 8, 'asymmetric', 'tensor', '', '', 'model_input.is_input_quantized'],
      ['s', 'activation', 8, 'asymmetric', 'tensor', '', '… 4', 'op_type.Add.encoding_constraints'],
      ['y', 'activation', 8, 'asymmetric', 'tensor', '', '0 … 1', 'op_type.Softmax.encoding_constraints'],
      ['b', 'bias', 32, 'symmetric', 'channel 0', 'x × w', '', 'input × weight'],
    ]);
  });
});
