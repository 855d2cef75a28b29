import * as assert from 'uvu/assert';

import { describePlacement } from '../../pipeline/config/describe-placement.ts';
import { intAttribute, stringAttribute } from '../../pipeline/graph/attribute.ts';
import { weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { lines, node, place, USUAL, usualBut } from './sketches.ts';

const tie = (...opTypes: string[]) => ({ ties: Object.fromEntries(opTypes.map(opType => [opType, 'True'])) });
const concat = {
  inputs: { x: [1, 4, 8, 8] },
  nodes: [node('Sigmoid', ['x'], 'a'), node('Tanh', ['x'], 'b'), node('Concat', ['a', 'b'], 'c', { axis: intAttribute(1) }), node('Elu', ['c'], 'y')], outputs: { y: null },
};
const observed = (placement: ReturnType<typeof place>, tensor: string) => placement.quantizers.find(quantizer => quantizer.tensor === tensor)!.observed;

suite('config/merged-encodings', test => {
  test('the inputs of a Concat and its output share one encoding, found on the statistics of all', () => {
    const placement = place(concat, usualBut(tie('Concat')));
    assert.equal(lines(placement), ['x', 'a', 'b', 'c', 'y'].map(name => `${name} activation 8 asymmetric${name === 'b' || name === 'c' ? ' = a' : ''}`));
    for (const tensor of ['a', 'b', 'c']) assert.equal(observed(placement, tensor), ['a', 'b', 'c']);
    assert.equal(observed(placement, 'y'), ['y']);
  });

  test('they have encodings of their own unless `ties` says otherwise, or the configuration is for a Hexagon', () => {
    assert.not.ok(lines(place(concat)).some(line => line.includes('=')));
    const hexagon = usualBut({ defaults: { ops: { is_output_quantized: 'True' }, params: {}, hw_version: 'V75' } });
    assert.equal(lines(place(concat, hexagon)).filter(line => line.includes('=')).length, 2);
    assert.not.ok(lines(place(concat, { ...hexagon, ties: { Concat: 'False' } })).some(line => line.includes('=')));
  });

  test('an input that others read too keeps its own', () => {
    const sketch = { ...concat, nodes: [...concat.nodes, node('Relu', ['a'], 'z')], outputs: { y: null, z: null } };
    assert.equal(lines(place(sketch, usualBut(tie('Concat')))).filter(line => line.includes('=')), ['c activation 8 asymmetric = b']);
  });

  for (const [what, config, options] of [
    ['on a Hexagon', usualBut({ defaults: { ...USUAL.defaults, hw_version: 'V73' } }), {}], ["in AIMET's placement", usualBut(tie('Concat')), { aimetPlacement: true }],
  ] as const) {
    test(`${what} every input takes the encoding of the output: one that others read, one of another fixed range, a constant`, () => {
      const unit = { op_type: { Sigmoid: { encoding_constraints: { min: 0, max: 1 } } } };
      const sketch = {
        inputs: concat.inputs, weights: { k: weight([1, 4, 8, 8]) }, outputs: { y: null, z: null },
        nodes: [concat.nodes[0]!, concat.nodes[1]!, node('Concat', ['a', 'b', 'k'], 'c', { axis: intAttribute(1) }), node('Elu', ['c'], 'y'), node('Relu', ['b'], 'z')],
      };
      const placement = place(sketch, { ...config, ...unit }, options);
      assert.equal(placement.quantizers.filter(({ group }) => group === 'a').map(({ tensor, constraint }) => [tensor, constraint]), ['a', 'b', 'k', 'c'].map(tensor => [tensor, null]));
      assert.equal(observed(placement, 'k'), ['a', 'b', 'c']);
      assert.equal(placement.untied, []);
      const spared = place(sketch, { ...usualBut(tie('Concat')), ...unit });
      assert.equal(spared.quantizers.filter(({ group }) => group === 'c').map(({ tensor }) => tensor), ['c']);
      assert.equal(spared.untied, [{ tensor: 'a', reason: 'the configuration fixes another range for it' }, { tensor: 'b', reason: "also read by Relu of 'z'" }]);
    });
  }

  test('an input that is not tied says so, with those who read it too', () => {
    const others = ['z', 'u', 'v', 't'].map(name => node('Relu', ['a'], name));
    const placement = place({ ...concat, nodes: [...concat.nodes, ...others], outputs: { y: null, z: null, u: null, v: null, t: null } }, usualBut(tie('Concat')));
    const row = describePlacement(placement).find(({ tensor }) => tensor === 'a')!;
    assert.is(row.untied, "not tied: also read by Relu of 'z', Relu of 'u', Relu of 'v' and 1 more");
    assert.equal(describePlacement(placement).filter(({ untied }) => untied !== '').length, 1);
  });

  test('moved tensors between them are of the group', () => {
    const sketch = { ...concat, nodes: [concat.nodes[0]!, concat.nodes[1]!, node('Transpose', ['b'], 't'), node('Concat', ['a', 't'], 'c', { axis: intAttribute(1) }), concat.nodes[3]!] };
    const placement = place(sketch, usualBut(tie('Concat')));
    assert.equal(lines(placement).filter(line => line.includes('=')).map(line => line.split(' ')[0]), ['b', 't', 'c']);
    assert.equal(observed(placement, 't'), ['a', 'b', 'c']);
  });

  test('symmetric where one of them is, and as wide as the widest', () => {
    const config = usualBut({ ...tie('Concat'), op_type: { Tanh: { is_symmetric: 'True' }, Sigmoid: { supported_kernels: [{ activation: { bitwidth: 16, dtype: 'int' } }] } } });
    assert.equal(lines(place(concat, config)).slice(1, 4), ['a activation 16 symmetric', 'b activation 16 symmetric = a', 'c activation 16 symmetric = a']);
  });

  test('a constraint that not all have keeps its tensor apart; one that all have is the output\'s too', () => {
    const unit = { encoding_constraints: { min: 0, max: 1 } };
    const one = place(concat, usualBut({ ...tie('Concat'), op_type: { Sigmoid: unit } }));
    assert.equal(one.quantizers.map(({ tensor, group, constraint }) => [tensor, group, constraint]).slice(1, 4), [['a', 'a', { min: 0, max: 1 }], ['b', 'b', null], ['c', 'b', null]]);
    const both = place(concat, usualBut({ ...tie('Concat'), op_type: { Sigmoid: unit, Tanh: unit } }));
    assert.equal(both.quantizers.map(({ group, constraint }) => [group, constraint]).slice(1, 4), [1, 2, 3].map(() => ['a', { min: 0, max: 1 }]));
  });

  test('what has no quantizer, and a constant, are not tied', () => {
    const off = usualBut({ ...tie('Concat'), op_type: { Sigmoid: { is_output_quantized: 'False' } } });
    assert.equal(lines(place(concat, off)).slice(1, 3), ['b activation 8 asymmetric', 'c activation 8 asymmetric = b']);
    const sketch = { ...concat, weights: { k: weight([1, 4, 8, 8]) }, nodes: [concat.nodes[1]!, node('Concat', ['b', 'k'], 'c', { axis: intAttribute(1) }), concat.nodes[3]!] };
    assert.equal(lines(place(sketch, usualBut(tie('Concat')))).slice(1, 4), ['b activation 8 asymmetric', 'k constant 8 asymmetric', 'c activation 8 asymmetric = b']);
  });

  for (const [op, inputs, attributes] of [
    ['AveragePool', ['a'], {}], ['GlobalAveragePool', ['a'], {}], ['Resize', ['a', '', 'k'], { mode: stringAttribute('linear') }],
  ] as const) {
    test(`the output of ${op} takes the encoding of its first input`, () => {
      const sketch = { inputs: { x: [1, 4, 8, 8] }, weights: { k: weight([4]) }, nodes: [node('Sigmoid', ['x'], 'a'), node('Tanh', ['x'], 'b'), node(op, inputs, 'c', attributes)], outputs: { c: null, b: null } };
      const placement = place(sketch, usualBut(tie(op)));
      assert.equal(lines(placement).filter(line => line.includes('=')), ['c activation 8 asymmetric = a']);
      assert.equal(observed(placement, 'a'), ['a', 'c']);
      assert.not.ok(lines(place(sketch)).some(line => line.includes('=')));
    });
  }

  for (const op of ['Max', 'Min']) {
    test(`the inputs of ${op} and its output share one encoding, with a fixed range only where all have it`, () => {
      const sketch = { inputs: { x: [4], z: [4] }, nodes: [node('Sigmoid', ['x'], 'a'), node('Mul', ['z', 'z'], 'b'), node(op, ['a', 'b'], 'c'), node('Elu', ['c'], 'y')], outputs: { y: null } };
      const constraint = { encoding_constraints: { min: 0, max: 1 } };
      const hexagon = { defaults: { ...USUAL.defaults, hw_version: 'V73' } };
      const placed = (opTypes: Record<string, object>) => place(sketch, usualBut({ ...hexagon, op_type: opTypes })).quantizers.filter(({ group }) => group === 'a');
      assert.equal(placed({ Sigmoid: constraint }).map(({ tensor, constraint, observed }) => [tensor, constraint, observed]), ['a', 'b', 'c'].map(tensor => [tensor, null, ['a', 'b', 'c']]));
      assert.equal(placed({ Sigmoid: constraint, Mul: constraint }).map(({ constraint }) => constraint), [1, 2, 3].map(() => ({ min: 0, max: 1 })));
    });
  }

  test('a range fixed for the output holds, even where all inputs have another', () => {
    const range = (max: number) => ({ encoding_constraints: { min: 0, max } });
    const config = usualBut({ defaults: { ...USUAL.defaults, hw_version: 'V73' }, op_type: { Sigmoid: range(1), Tanh: range(1), Concat: range(2) } });
    assert.equal(place(concat, config).quantizers.filter(({ group }) => group === 'a').map(({ tensor, constraint }) => [tensor, constraint]), ['a', 'b', 'c'].map(tensor => [tensor, { min: 0, max: 2 }]));
  });

  test('groups that meet become one', () => {
    const nodes = [...concat.nodes.slice(0, 3), node('AveragePool', ['c'], 'p'), node('Elu', ['p'], 'y')];
    const placement = place({ ...concat, nodes }, usualBut(tie('Concat', 'AveragePool')));
    for (const tensor of ['a', 'b', 'c', 'p']) assert.equal(observed(placement, tensor), ['a', 'b', 'c', 'p']);
  });

  test('where two operators that tie one group fix different ranges, it spans both, whichever comes first, and both are named', () => {
    const range = (min: number, max: number) => ({ encoding_constraints: { min, max } });
    const config = usualBut({ defaults: { ...USUAL.defaults, hw_version: 'V73' }, op_type: { Concat: range(0, 2), Max: range(-1, 1) } });
    const joins = [node('Concat', ['a', 'b'], 'c', { axis: intAttribute(1) }), node('Max', ['a', 'b'], 'm')];
    for (const order of [joins, joins.toReversed()]) {
      const placement = place({ inputs: concat.inputs, nodes: [...concat.nodes.slice(0, 2), ...order], outputs: { c: null, m: null } }, config);
      assert.equal(placement.quantizers.filter(({ tensor }) => tensor !== 'x').map(({ constraint }) => constraint), Array(4).fill({ min: -1, max: 2 }));
      assert.ok(placement.warnings.includes("'a' and what is tied to it share one encoding with min -1 and max 2: Concat of 'c' has min 0 and max 2, Max of 'm' has min -1 and max 1"), placement.warnings.join('\n'));
    }
  });

  test('a range that one of two operators does not fix is that of the observation, whichever comes first', () => {
    const config = usualBut({ defaults: { ...USUAL.defaults, hw_version: 'V73' }, op_type: { Concat: { encoding_constraints: { min: 0, max: 2 } } } });
    const joins = [node('Concat', ['a', 'b'], 'c', { axis: intAttribute(1) }), node('Max', ['a', 'b'], 'm')];
    for (const order of [joins, joins.toReversed()]) {
      const { quantizers } = place({ inputs: concat.inputs, nodes: [...concat.nodes.slice(0, 2), ...order], outputs: { c: null, m: null } }, config);
      assert.equal(quantizers.map(({ constraint }) => constraint), Array(5).fill(null));
    }
  });

  test('a range fixed for what only stays within its input is not that of what it is joined to', () => {
    const config = usualBut({ defaults: { ...USUAL.defaults, hw_version: 'V73' }, op_type: { AveragePool: { encoding_constraints: { min: 0, max: 1 } } } });
    const nodes = [node('Tanh', ['x'], 'a'), node('AveragePool', ['a'], 'p'), node('AveragePool', ['a'], 'q'), node('Concat', ['p', 'q'], 'c', { axis: intAttribute(1) })];
    const { quantizers } = place({ inputs: concat.inputs, nodes, outputs: { c: null } }, config);
    assert.equal(quantizers.map(({ constraint }) => constraint), Array(5).fill(null));
  });

  test('what a group is by is the least of the rules that say so, whichever comes first', () => {
    const wide = { supported_kernels: [{ activation: { bitwidth: 16, dtype: 'int' } }] };
    const config = usualBut({ defaults: { ...USUAL.defaults, hw_version: 'V73' }, op_type: { Tanh: wide, Sigmoid: wide } });
    for (const names of [['a', 'b'], ['b', 'a']]) {
      const nodes = [...concat.nodes.slice(0, 2), node('Concat', [...names], 'c', { axis: intAttribute(1) })];
      assert.is(place({ inputs: concat.inputs, nodes, outputs: { c: null } }, config).quantizers.find(({ tensor }) => tensor === 'c')!.rule.path, 'op_type.Sigmoid.supported_kernels[0]');
    }
  });

  test('a range that all tied inputs have is not that of the output where an input is in float', () => {
    const config = usualBut({ defaults: { ...USUAL.defaults, hw_version: 'V73' }, op_type: { Sigmoid: { encoding_constraints: { min: 0, max: 1 } }, Tanh: { is_output_quantized: 'False' } } });
    assert.equal(place(concat, config).quantizers.map(({ tensor, constraint }) => [tensor, constraint]), [['x', null], ['a', null], ['c', null], ['y', null]]);
  });

  test('where the widest is not the one that is symmetric, the rule of the widest is shown', () => {
    const config = usualBut({ ...tie('Concat'), op_type: { Tanh: { is_symmetric: 'True' }, Sigmoid: { supported_kernels: [{ activation: { bitwidth: 16, dtype: 'int' } }] } } });
    const rules = place(concat, config).quantizers.map(({ tensor, rule: { section, path } }) => [tensor, section, path]);
    assert.equal(rules.slice(1, 4), ['a', 'b', 'c'].map(tensor => [tensor, 'exception', 'op_type.Sigmoid.supported_kernels[0]']));
  });

  test('where one is the widest and symmetric, its rule is shown, and not that of one as wide', () => {
    const wide = { supported_kernels: [{ activation: { bitwidth: 16, dtype: 'int' } }] };
    const config = usualBut({ ...tie('Concat'), op_type: { Tanh: { ...wide, is_symmetric: 'True' }, Sigmoid: wide } });
    assert.is(place(concat, config).quantizers.find(({ tensor }) => tensor === 'c')!.rule.path, 'op_type.Tanh.is_symmetric');
  });
});
