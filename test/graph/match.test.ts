import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { anything, constant, matchesAt, oneOf, op, type Pattern, product, scalar, where } from '../../pipeline/graph/match.ts';
import { buildModel, type ModelSketch, type NodeLine } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';

const numbers = Object.fromEntries([0.5, 2, 3].map(value => [`c${value}`, float32Tensor([], Float32Array.of(value))]));
const node = (op: string, inputs: string[], out: string): NodeLine => ({ op, in: inputs, out: [out], name: out });
const x = anything('x');
const y = anything('y');

/** The labels of the nodes that each match ending in `end` holds. */
function found(nodes: NodeLine[], end: string, pattern: Pattern, sketch: Partial<ModelSketch> = {}): string[][] {
  const { graph } = buildModel({ inputs: { x: [2], y: [2] }, weights: numbers, nodes, outputs: { [end]: null }, ...sketch });
  return matchesAt(graph, graph.values.get(end)!.producer!, pattern).map(match => match.nodes.map(({ name }) => name));
}

suite('graph/match', test => {
  const swish = op('Mul', x, op('Sigmoid', x));

  test('a name stands for the same value wherever it is used', () => {
    assert.equal(found([node('Sigmoid', ['x'], 's'), node('Mul', ['x', 's'], 'z')], 'z', swish), [['z', 's']]);
    assert.equal(found([node('Sigmoid', ['y'], 's'), node('Mul', ['x', 's'], 'z')], 'z', swish), []);
  });

  test('Add and Mul take their inputs in either order, Sub and Div do not', () => {
    const nodes = (op: string) => [node('Sigmoid', ['x'], 's'), node(op, ['s', 'x'], 'z')];
    for (const [opType, count] of [['Mul', 1], ['Add', 1], ['Sub', 0], ['Div', 0]] as const) {
      assert.is(found(nodes(opType), 'z', op(opType, x, op('Sigmoid', x))).length, count, opType);
    }
  });

  test('an operator of another domain is another operator', () => {
    assert.equal(found([{ ...node('Sigmoid', ['x'], 'z'), domain: 'custom' }], 'z', op('Sigmoid', x)), []);
  });

  test('further inputs must be constants', () => {
    const sum = op('ReduceSum', x);
    assert.equal(found([node('ReduceSum', ['x', 'c2'], 'z')], 'z', sum), [['z']]);
    assert.equal(found([node('ReduceSum', ['x', 'y'], 'z')], 'z', sum), []);
  });

  test('a match is closed: what is inside is read inside only, and is no graph output', () => {
    const nodes = [node('Sigmoid', ['x'], 's'), node('Mul', ['x', 's'], 'z')];
    assert.equal(found([...nodes, node('Tanh', ['s'], 't')], 'z', swish), []);
    assert.equal(found(nodes, 'z', swish, { outputs: { z: null, s: null } }), []);
    assert.equal(found([...nodes, node('Tanh', ['z'], 't')], 'z', swish, { outputs: { z: null, t: null } }), [['z', 's']]);
  });

  test('constants match by their rank, scalars by their value within a thousandth', () => {
    const add = (second: Pattern, weight = 'c2') => found([node('Add', ['x', weight], 'z')], 'z', op('Add', x, second)).length;
    assert.is(add(constant()), 1);
    assert.is(add(constant(0)), 1);
    assert.is(add(constant(1)), 0);
    assert.is(add(constant(), 'y'), 0);
    assert.is(add(scalar(2.001)), 1);
    assert.is(add(scalar(2.01)), 0);
    assert.is(add(scalar(2), 'y'), 0);
  });

  test('alternatives are all tried, and a condition is asked of what matched', () => {
    const either = oneOf(op('Sigmoid', x), op('Tanh', x));
    assert.equal(found([node('Tanh', ['x'], 'z')], 'z', either), [['z']]);
    assert.equal(found([node('Tanh', ['x'], 'z')], 'z', where(either, ({ name }) => name === 'other')), []);
  });

  const half = product(x, y, 0.5);
  const halves: [what: string, nodes: NodeLine[], isFound: boolean][] = [
    ['(x y) 0.5', [node('Mul', ['x', 'y'], 'a'), node('Mul', ['a', 'c0.5'], 'z')], true],
    ['0.5 (y x)', [node('Mul', ['y', 'x'], 'a'), node('Mul', ['c0.5', 'a'], 'z')], true],
    ['(x 0.5) y', [node('Mul', ['x', 'c0.5'], 'a'), node('Mul', ['a', 'y'], 'z')], true],
    ['y (x / 2)', [node('Div', ['x', 'c2'], 'a'), node('Mul', ['y', 'a'], 'z')], true],
    ['(x y) / 2', [node('Mul', ['x', 'y'], 'a'), node('Div', ['a', 'c2'], 'z')], true],
    ['(x y) / 3', [node('Mul', ['x', 'y'], 'a'), node('Div', ['a', 'c3'], 'z')], false],
    ['2 / (x y)', [node('Mul', ['x', 'y'], 'a'), node('Div', ['c2', 'a'], 'z')], false],
    ['(x y) y', [node('Mul', ['x', 'y'], 'a'), node('Mul', ['a', 'y'], 'z')], false],
    ['x y', [node('Mul', ['x', 'y'], 'z')], false],
  ];
  for (const [what, nodes, isFound] of halves) {
    test(`${what} is ${isFound ? '' : 'not '}the product of x, y and a half`, () => assert.is(found(nodes, 'z', half).length > 0, isFound));
  }

  test('a factor may stand in a product several times', () => {
    const cube = product(x, x, x);
    assert.ok(found([node('Mul', ['x', 'x'], 'a'), node('Mul', ['a', 'x'], 'z')], 'z', cube).length > 0);
    assert.equal(found([node('Mul', ['x', 'x'], 'a'), node('Mul', ['a', 'y'], 'z')], 'z', cube), []);
  });
});
