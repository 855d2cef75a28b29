import * as assert from 'uvu/assert';

import { intAttribute } from '../../pipeline/graph/attribute.ts';
import { weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { lines, node, place, tensors, USUAL, usualBut } from './sketches.ts';

const x = { x: [1, 4, 8, 8] };
const weights = { w: weight([4, 1, 3, 3]), v: weight([4, 4, 1, 1]) };
const normalized = {
  inputs: x, weights: { ...weights, scale: weight([4]), shift: weight([4]), mean: weight([4]), variance: weight([4], { min: 1, max: 2 }) }, outputs: { y: null },
  nodes: [node('Conv', ['x', 'w'], 'a'), node('BatchNormalization', ['a', 'scale', 'shift', 'mean', 'variance'], 'b'), node('Relu', ['b'], 'y')],
};
const groups = (...lists: string[][]) => usualBut({ supergroups: lists.map(op_list => ({ op_list })) });
const chain = { inputs: x, weights, nodes: [node('Conv', ['x', 'w'], 'a'), node('Relu', ['a'], 'b'), node('Clip', ['b'], 'y')], outputs: { y: null } };

suite('config/supergroups', test => {
  test('the operators of a supergroup have one quantizer, at the end', () => {
    const placement = place(chain, groups(['Conv', 'Relu', 'Clip']));
    assert.equal(tensors(placement), ['x', 'w', 'y']);
    assert.equal(placement.units, [{
      kind: 'Conv+Relu+Clip', nodes: ["Conv of 'a'", "Relu of 'b'", "Clip of 'y'"], output: 'y', rule: { section: 'supergroups', path: 'supergroups[0].op_list' },
    }]);
  });

  test('the longest list is matched first, in whatever order they are written', () => {
    const { units } = place(chain, groups(['Conv', 'Relu'], ['Relu', 'Clip'], ['Conv', 'Relu', 'Clip']));
    assert.equal(units.map(({ kind, rule }) => [kind, rule.path]), [['Conv+Relu+Clip', 'supergroups[2].op_list']]);
  });

  test('an operator is in one supergroup only; of two lists of one length the first gets it', () => {
    const placement = place(chain, groups(['Relu', 'Clip'], ['Conv', 'Relu']));
    assert.equal(tensors(placement), ['x', 'w', 'a', 'y']);
    assert.equal(placement.units.map(({ kind }) => kind), ['Relu+Clip']);
  });

  test('a list that is not there in full matches nothing', () => {
    assert.equal(tensors(place(chain, groups(['Conv', 'Clip'], ['Relu', 'Conv'], ['Conv', 'Relu', 'Relu']))), ['x', 'w', 'a', 'b', 'y']);
  });

  test('a value inside that another operator reads, or that is a graph output, breaks the chain', () => {
    const read = { ...chain, nodes: [...chain.nodes, node('Sigmoid', ['a'], 'z')], outputs: { y: null, z: null } };
    assert.equal(tensors(place(read, groups(['Conv', 'Relu']))), ['x', 'w', 'a', 'b', 'y', 'z']);
    const seen = { ...chain, outputs: { y: null, a: null } };
    assert.equal(tensors(place(seen, groups(['Conv', 'Relu']))), ['x', 'w', 'a', 'b', 'y']);
  });

  test('the next operator must read the value as data', () => {
    const asWeight = { inputs: x, weights, nodes: [node('Relu', ['x'], 'a'), node('Conv', ['x', 'a'], 'y')], outputs: { y: null } };
    assert.equal(tensors(place(asWeight, groups(['Relu', 'Conv']))), ['x', 'a', 'y']);
    const added = { inputs: x, nodes: [node('Relu', ['x'], 'a'), node('Add', ['x', 'a'], 'y')], outputs: { y: null } };
    assert.equal(tensors(place(added, groups(['Relu', 'Add']))), ['x', 'y']);
  });

  for (const [op, isUnit] of [['Add', true], ['Mul', true], ['Max', true], ['Min', true], ['Sum', true], ['Mean', true], ['Sub', false], ['Div', false], ['Pow', false]] as const) {
    test(`${op} ${isUnit ? 'reads either input as data' : 'reads its first input as data'}`, () => {
      const gated = (inputs: readonly string[]) => ({ inputs: x, nodes: [node('Sigmoid', ['x'], 's'), node(op, inputs, 'y')], outputs: { y: null } });
      const config = { ...groups(['Sigmoid', op]), composites: { Swish: 'False' } };
      assert.is(place(gated(['s', 'x']), config).units.length, 1);
      assert.is(place(gated(['x', 's']), config).units.length, isUnit ? 1 : 0);
    });
  }

  test('a list with BatchNormalization after what it cannot be folded into matches with it only', () => {
    const plain = { inputs: x, nodes: [node('Add', ['x', 'x'], 'a'), node('Relu', ['a'], 'y')], outputs: { y: null } };
    assert.equal(place(plain, groups(['Add', 'BatchNormalization', 'Relu'])).units, []);
  });

  test('a list with BatchNormalization matches with it, and without where it was folded', () => {
    const config = groups(['Conv', 'BatchNormalization', 'Relu']);
    assert.equal(place(chain, config).units.map(({ kind, rule }) => [kind, rule.path]), [['Conv+Relu', 'supergroups[0].op_list']]);
    assert.equal(place(normalized, config).units.map(({ kind }) => kind), ['Conv+BatchNormalization+Relu']);
  });

  test('a BatchNormalization after a layer is a part of it: no quantizer between, none of its own parameters, and lists match as if it were folded', () => {
    const listed = place(normalized, groups(['Conv', 'Relu']));
    assert.equal(tensors(listed), ['x', 'w', 'y']);
    assert.equal(listed.units.map(({ kind, rule }) => [kind, rule.path]), [['Conv+BatchNormalization+Relu', 'supergroups[0].op_list']]);
    const alone = place(normalized, groups());
    assert.equal(tensors(alone), ['x', 'w', 'b', 'y']);
    assert.equal(alone.units.map(({ kind, rule }) => [kind, rule]), [['Conv+BatchNormalization', { section: 'exception', path: 'BatchNormalization after Conv' }]]);
  });

  test('one that cannot be folded, because the layer is read elsewhere or there is none, has quantizers like any operator', () => {
    const read = { ...normalized, nodes: [...normalized.nodes, node('Tanh', ['a'], 'z')], outputs: { y: null, z: null } };
    assert.equal(tensors(place(read, groups(['Conv', 'Relu']))), ['x', 'w', 'a', 'scale', 'mean', 'variance', 'b', 'y', 'z']);
    const first = { ...normalized, nodes: [node('BatchNormalization', ['x', 'scale', 'shift', 'mean', 'variance'], 'y')] };
    assert.equal(tensors(place(first, groups())), ['x', 'scale', 'mean', 'variance', 'y']);
  });

  for (const [what, inputs, op, dims, attributes, isUnit] of [
    ['a depthwise convolution', x, 'Conv', [4, 1, 3, 3], { group: intAttribute(4) }, false],
    ['a depthwise transposed convolution', x, 'ConvTranspose', [4, 1, 3, 3], { group: intAttribute(4) }, false],
    ['a three-dimensional convolution', { x: [1, 4, 8, 8, 8] }, 'Conv', [4, 4, 3, 3, 3], {}, false],
    ['a grouped convolution', x, 'Conv', [4, 2, 3, 3], { group: intAttribute(2) }, true],
    ['a plain convolution', x, 'Conv', [4, 4, 3, 3], {}, true],
  ] as const) {
    test(`${what} is ${isUnit ? '' : 'not '}in a supergroup of a Hexagon where AIMET places; elsewhere it is`, () => {
      const sketch = { inputs, weights: { w: weight(dims) }, nodes: [node(op, ['x', 'w'], 'a', attributes), node('Relu', ['a'], 'y')], outputs: { y: null } };
      const config = { ...groups([op, 'Relu']), defaults: { ...USUAL.defaults, hw_version: 'V75' } };
      assert.is(place(sketch, config, { aimetPlacement: true }).units.length, isUnit ? 1 : 0);
      assert.is(place(sketch, config).units.length, 1);
      assert.is(place(sketch, groups([op, 'Relu']), { aimetPlacement: true }).units.length, 1);
    });
  }

  test('supergroups overrule op_type', () => {
    const config = { ...groups(['Conv', 'Relu']), op_type: { Conv: { is_output_quantized: 'True', is_symmetric: 'True' }, Relu: { is_input_quantized: 'True' } } };
    assert.equal(tensors(place(chain, config)), ['x', 'w', 'b', 'y']);
  });

  test('a composite operator may be in a supergroup, as the operator that it is', () => {
    const sketch = {
      inputs: x, weights, nodes: [node('Conv', ['x', 'w'], 'a'), node('Sigmoid', ['a'], 'b'), node('Mul', ['b', 'a'], 'y')], outputs: { y: null },
    };
    assert.equal(tensors(place(sketch, groups(['Conv', 'Swish']))), ['x', 'w', 'y']);
    assert.equal(place(sketch, groups(['Conv', 'Swish'])).units.map(({ kind, nodes }) => [kind, nodes.length]), [['Conv+Swish', 3]]);
    assert.equal(tensors(place(sketch, groups(['Conv', 'Sigmoid']))), ['x', 'w', 'a', 'y']);
  });

  test('the operands of a unit are quantized with its end', () => {
    const sketch = { inputs: x, weights: { c: weight([1], { min: 1, max: 2 }) }, nodes: [node('Add', ['x', 'c'], 'a'), node('Relu', ['a'], 'y')], outputs: { y: null } };
    assert.equal(lines(place(sketch, groups(['Add', 'Relu']))), ['x activation 8 asymmetric', 'c constant 8 asymmetric', 'y activation 8 asymmetric']);
  });
});
