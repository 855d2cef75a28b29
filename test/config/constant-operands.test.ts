import * as assert from 'uvu/assert';

import { float32Tensor, type Tensor } from '../../pipeline/base/tensor.ts';
import { suite } from '../support/suite.ts';
import { EMPTY, lines, node, place, ruleOf, tensors, usualBut } from './sketches.ts';

const constant = (...values: number[]): Tensor => float32Tensor([values.length], Float32Array.from(values));

const withOperand = (op: string, inputs: string[], c: Tensor, config?: object) =>
  place({ inputs: { x: [1, 2] }, weights: { c }, nodes: [node(op, inputs, 'y')], outputs: { y: null } }, config);

suite('config/constant-operands', test => {
  for (const op of ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum', 'Mean', 'Concat', 'Einsum']) {
    test(`a constant that ${op} computes with is an activation that is not observed`, () => {
      const placement = withOperand(op, ['c', 'x'], constant(1, -2));
      assert.equal(lines(placement), ['x activation 8 asymmetric', 'c constant 8 asymmetric', 'y activation 8 asymmetric']);
      assert.equal(placement.quantizers[1]!.observed, []);
      assert.is(ruleOf(placement, 'c'), 'model_input.is_input_quantized');
    });
  }

  test('bounds, exponents and shapes are no operands', () => {
    for (const [op, inputs] of [['Clip', ['x', 'c', 'c']], ['Pow', ['x', 'c']], ['Reshape', ['x', 'c']]] as const) {
      assert.not.ok(tensors(withOperand(op, [...inputs], constant(1, 2))).includes('c'), op);
    }
  });

  test('of a choice the two values are operands, the condition is not', () => {
    const condition: Tensor = { dtype: 'bool', dims: [2], data: Uint8Array.of(0, 1) };
    const { quantizers } = place({ inputs: { x: [1, 2] }, weights: { condition, c: constant(1, 2) }, nodes: [node('Where', ['condition', 'x', 'c'], 'y')], outputs: { y: null } });
    assert.equal(quantizers.map(({ tensor }) => tensor), ['x', 'c', 'y']);
  });

  test('model_input or an operator type turns operands on, defaults do not', () => {
    assert.equal(tensors(withOperand('Add', ['x', 'c'], constant(1, 2), usualBut({ model_input: {} }))), ['y']);
    const byType = usualBut({ model_input: {}, op_type: { Add: { is_input_quantized: 'True' } } });
    assert.equal(tensors(withOperand('Add', ['x', 'c'], constant(1, 2), byType)), ['x', 'c', 'y']);
  });

  test('an operand beside an output in float stays in float', () => {
    const config = { ...EMPTY, model_input: { is_input_quantized: 'True' } };
    const placement = withOperand('Add', ['x', 'c'], constant(1, 2), config);
    assert.equal(tensors(placement), ['x']);
    assert.ok(placement.float.some(({ name, reason }) => name === 'c' && reason === 'no operator with a quantized output computes with it'));
  });

  test('an operand smaller than the narrowest range stays in float, zeros do not', () => {
    assert.equal(tensors(withOperand('Add', ['x', 'c'], constant(1e-5))), ['x', 'y']);
    assert.equal(tensors(withOperand('Add', ['x', 'c'], constant(0, -0.0099))), ['x', 'y']);
    assert.equal(tensors(withOperand('Add', ['x', 'c'], constant(0, -0.011))), ['x', 'c', 'y']);
    assert.equal(tensors(withOperand('Add', ['x', 'c'], constant(0, 0))), ['x', 'c', 'y']);
  });

  test('an operand that no encoding can be found for stays in float: infinite, not a number, empty', () => {
    for (const c of [constant(-Infinity), constant(1, NaN), constant()]) {
      const { quantizers, float } = withOperand('Concat', ['x', 'c'], c);
      assert.equal(quantizers.map(({ tensor }) => tensor), ['x', 'y']);
      assert.is(float[0]!.reason, c.dims[0] === 0 ? 'it is empty' : 'it holds infinities or NaN');
    }
  });

  test('a divisor of several elements stays in float, because one may round to 0', () => {
    assert.equal(tensors(withOperand('Div', ['x', 'c'], constant(0.05, 100))), ['x', 'y']);
    assert.equal(tensors(withOperand('Div', ['x', 'c'], constant(8))), ['x', 'c', 'y']);
  });

  test('integer constants have no quantizer', () => {
    const c: Tensor = { dtype: 'int64', dims: [1], data: BigInt64Array.of(2n) };
    const sketch = { inputs: { x: { dtype: 'int64' as const, shape: [2] } }, weights: { c }, nodes: [node('Add', ['x', 'c'], 'y')], outputs: { y: { dtype: 'int64' as const, shape: [2] } } };
    assert.equal(tensors(place(sketch)), []);
  });

  test('a constant that is moved around before it is computed with shares its encoding with what was moved', () => {
    const shape: Tensor = { dtype: 'int64', dims: [2], data: BigInt64Array.of(1n, 2n) };
    const moved = (c: Tensor) => lines(place({
      inputs: { x: [1, 2] }, weights: { c, shape }, nodes: [node('Expand', ['c', 'shape'], 'a'), node('Concat', ['a', 'x'], 'y')], outputs: { y: null },
    }));
    assert.equal(moved(constant(3, 4)), ['x activation 8 asymmetric', 'c constant 8 asymmetric', 'a activation 8 asymmetric = c', 'y activation 8 asymmetric']);
    assert.equal(moved(constant(1e-4, 0)), ['x activation 8 asymmetric', 'a activation 8 asymmetric', 'y activation 8 asymmetric']);
  });
});
