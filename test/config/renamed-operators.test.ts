import * as assert from 'uvu/assert';

import { parseConfig } from '../../pipeline/config/parse-config.ts';
import { placeQuantizers } from '../../pipeline/config/place-quantizers.ts';
import { stringAttribute } from '../../pipeline/graph/attribute.ts';
import { cloneModel } from '../../pipeline/graph/clone.ts';
import { inferTypes } from '../../pipeline/passes/infer-types.ts';
import { raiseOpset } from '../../pipeline/passes/raise-opset.ts';
import { buildModel, type ModelSketch, weight } from '../support/graphs.ts';
import { float32, int64 } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';
import { lines, node, ruleOf, usualBut } from './sketches.ts';

const linear = { mode: stringAttribute('linear') };
/** An operator with result `r` between two others, in an opset that has it under that name. */
const between = (opset: number, op: string, inputs: string[], attributes = {}): ModelSketch => ({
  opset, inputs: { x: [1, 1, 4, 4] }, weights: { s: float32(1, 1, 2, 2), at: { ...int64(2, 1), dims: [1, 1, 1, 2] }, u: weight([1, 1, 1, 2]) },
  nodes: [node('Sigmoid', ['x'], 'a'), node(op, inputs, 'r', attributes), node('Tanh', ['r'], 'y')], outputs: { y: null },
});
const upsample = between(9, 'Upsample', ['a', 's'], linear);
const resize = between(10, 'Resize', ['a', 's'], linear);
const scatter = between(9, 'Scatter', ['a', 'at', 'u']);

function placeRaised(sketch: ModelSketch, sections: object) {
  const model = buildModel(sketch);
  raiseOpset(13)(model);
  inferTypes(model);
  return placeQuantizers(cloneModel(model), parseConfig(usualBut(sections), 'the test'));
}
const off = { is_output_quantized: 'False' }, on = { is_output_quantized: 'True' }, symmetric = { is_symmetric: 'True' };

// what raising renames is still what the file calls it: the operator, op_type, and whether its result is quantized
const cases: [what: string, sketch: ModelSketch, opType: object, isQuantized: boolean][] = [
  ['Upsample, by its own name', upsample, { Upsample: off }, false],
  ['Upsample, by the name that it gets', upsample, { Resize: off }, false],
  ['Upsample, by both: its own counts', upsample, { Upsample: off, Resize: on }, false],
  ['Upsample, by both the other way round', upsample, { Upsample: on, Resize: off }, true],
  ['a Resize that was one in the file', resize, { Upsample: off }, true],
  ['Scatter, by its own name', scatter, { Scatter: off }, false],
];

suite('config/renamed-operators', test => {
  for (const [what, sketch, opType, isQuantized] of cases) {
    test(`op_type speaks of ${what}`, () => {
      assert.is(lines(placeRaised(sketch, { op_type: opType })).some(line => line.startsWith('r ')), isQuantized);
    });
  }

  test('the rule is given under the name in the configuration', () => {
    assert.is(ruleOf(placeRaised(upsample, { op_type: { Upsample: on, Resize: symmetric } }), 'r'), 'op_type.Upsample.is_output_quantized');
  });

  // the Upsample or Resize with result `r`, and the Tanh after it
  for (const [what, sketch, lists, rule] of [
    ['Upsample, by its own name', upsample, [['Upsample', 'Tanh']], 0],
    ['Upsample, by the name that it gets', upsample, [['Resize', 'Tanh']], 0],
    ['Upsample, by both: its own counts', upsample, [['Resize', 'Tanh'], ['Upsample', 'Tanh']], 1],
    ['Upsample as the second of a list', upsample, [['Sigmoid', 'Upsample']], 0],
    ['a Resize that was one in the file', resize, [['Upsample', 'Tanh']], null],
  ] as const) {
    test(`supergroups speak of ${what}`, () => {
      const { units } = placeRaised(sketch, { supergroups: lists.map(op_list => ({ op_list })) });
      assert.equal(units.map(({ rule: { path } }) => path), rule === null ? [] : [`supergroups[${rule}].op_list`]);
    });
  }

  for (const [name, isTied] of [['Scatter', true], ['ScatterElements', true], ['ScatterND', false]] as const) {
    test(`ties.${name} ${isTied ? 'ties' : 'does not tie'} what a Scatter puts together`, () => {
      assert.is(lines(placeRaised(scatter, { ties: { [name]: 'True' } })).some(line => line.startsWith('r ') && line.includes('= a')), isTied);
    });
  }
});
