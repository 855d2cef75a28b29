import * as assert from 'uvu/assert';

import { float32Tensor, type Tensor } from '../../pipeline/base/tensor.ts';
import { MASKED } from '../../pipeline/config/masks.ts';
import { weight, type ModelSketch } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { node, place, tensors } from './sketches.ts';

const scalar = (value: number): Tensor => float32Tensor([], Float32Array.of(value));
const scores = { inputs: { q: [1, 4, 4], keep: { dtype: 'bool', shape: [1, 4, 4] }, present: [1, 1, 4] }, outputs: { y: null } } satisfies Partial<ModelSketch>;
const attention = [node('MatMul', ['q', 'w'], 's'), node('LogSoftmax', ['m'], 'y')];
const at = (extra: ReturnType<typeof node>[], weights: Record<string, Tensor> = {}) =>
  place({ ...scores, weights: { w: weight([4, 4]), ...weights }, nodes: [attention[0]!, ...extra, attention[1]!] });

suite('config/masks', test => {
  for (const left of [-Infinity, -3.4028234663852886e38, -1e9, -1e4]) {
    test(`scores in which Where puts ${left} have no quantizer; what comes before and after has`, () => {
      const placement = at([node('Where', ['keep', 's', 'mask'], 'm')], { mask: scalar(left) });
      assert.equal(tensors(placement), ['q', 'w', 's', 'y']);
      assert.is(placement.float.find(({ name }) => name === 'm')?.reason, MASKED);
    });
  }

  test('nor has a mask of floats, or what it is added to, also after it was moved', () => {
    const nodes = [node('Where', ['keep', 'zero', 'mask'], 'a'), node('Unsqueeze', ['a', 'axes'], 'b'), node('Squeeze', ['b', 'axes'], 'c'), node('Add', ['s', 'c'], 'm')];
    const axes: Tensor = { dtype: 'int64', dims: [1], data: BigInt64Array.of(0n) };
    assert.equal(tensors(at(nodes, { mask: scalar(-Infinity), zero: scalar(0), axes })), ['q', 'w', 's', 'y']);
  });

  test('nor has (1 - present) x -10000, as BERT writes it; 1 - present is 0 or 1, which a grid holds', () => {
    const nodes = [node('Sub', ['one', 'present'], 'a'), node('Mul', ['a', 'mask'], 'b'), node('Add', ['s', 'b'], 'm')];
    assert.equal(tensors(at(nodes, { mask: scalar(-10000), one: scalar(1) })), ['q', 'present', 'w', 's', 'one', 'a', 'y']);
  });

  test('a negative number that is a value like any other is none', () => {
    assert.ok(tensors(at([node('Where', ['keep', 's', 'low'], 'm')], { low: scalar(-9999) })).includes('m'));
    assert.ok(tensors(at([node('Add', ['s', 'low'], 'm')], { low: scalar(-100) })).includes('m'));
  });

  test('a large negative number that goes to no Softmax is a value like any other', () => {
    const nodes = [node('MatMul', ['q', 'w'], 's'), node('Add', ['s', 'pascals'], 'm'), node('Mul', ['m', 'factor'], 'n'), node('MatMul', ['n', 'w'], 'y')];
    const placement = place({ ...scores, weights: { w: weight([4, 4]), pascals: scalar(-101325), factor: scalar(0.5) }, nodes });
    for (const name of ['m', 'n']) assert.ok(tensors(placement).includes(name), name);
  });

  test('a bound is none: what Max and Clip give lies above it', () => {
    assert.ok(tensors(at([node('Max', ['s', 'low'], 'm')], { low: scalar(-1e9) })).includes('m'));
    assert.ok(tensors(at([node('Clip', ['s', 'low'], 'm')], { low: scalar(-1e9) })).includes('m'));
  });
});
