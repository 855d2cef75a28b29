import * as assert from 'uvu/assert';

import { float32Tensor, type Tensor } from '../../pipeline/base/tensor.ts';
import { dropRedundantClips } from '../../pipeline/export/drop-clips.ts';
import { qdqModel } from '../../pipeline/export/qdq-model.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { buildModel, runModel, sameOutputs } from '../support/graphs.ts';
import { placementOf } from '../support/placements.ts';
import { floats } from '../support/random.ts';
import { draw, scalar } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';
import { node, operators, unary } from './models.ts';

const zero: Tensor = { dtype: 'uint8', dims: [], data: Uint8Array.of(0) };

/** Whether a Clip to these bounds goes before a quantizer whose codes are 0 … 255, a step of 1 apart. */
function isDropped(min: number, max: number): boolean {
  const model = draw({
    inputs: { x: [4] }, constants: { min: scalar(min), max: scalar(max), one: scalar(1), zero }, outputs: ['y'],
    nodes: [['Neg', ['x'], ['a']], ['Clip', ['a', 'min', 'max'], ['c']], ['QuantizeLinear', ['c', 'one', 'zero'], ['q']], ['DequantizeLinear', ['q', 'one', 'zero'], ['y']]],
  });
  return dropRedundantClips(model.graph).rewrites === 1;
}

suite('export/drop-clips', test => {
  const cases: [min: number, max: number, isDropped: boolean][] = [
    [0, 255, true], [-3, 1000, true], [0, 254, false], [1, 255, false],
    [0.5, 255, true], // a tie, which rounds to the even code: 0
    [0, 254.5, false], // and here to 254
  ];
  for (const [min, max, expected] of cases) {
    test(`a Clip to ${min} … ${max} before codes 0 … 255 ${expected ? 'changes none of them' : 'stays'}`, () => assert.is(isDropped(min, max), expected));
  }

  // bounds of the Clip, range of the quantizer, whether the Clip can go
  const ranges: [min: number, max: number, range: [number, number], isDropped: boolean][] = [
    [0, 6, [0, 6], true],
    [0, 6, [0, 5.5], true],
    [0, 6, [0, 6.01], true],   // 6 falls on the highest code of 6.01 / 255
    [0, 6, [0, 6.1], false],   // and here below it
    [0, 6, [-1, 6], false],
    [-1, 6, [-1, 6], true],
  ];
  for (const [min, max, range, isDropped] of ranges) {
    test(`${isDropped ? 'drops' : 'keeps'} a Clip to [${min}, ${max}] before the range [${range}]`, () => {
      const { model, placement, encodings } = unary('Clip', [{ tensor: 'y', ranges: [range] }], { min: scalar(min), max: scalar(max) }, ['min', 'max']);
      assert.is(operators(qdqModel(model, placement, encodings)).includes('Clip'), !isDropped);
    });
  }

  test('keeps a Relu whose result something else reads, or whose quantizer reaches below zero', () => {
    const shared = buildModel({ opset: 13, inputs: { x: ['N', 4] }, nodes: [node('Relu', ['x'], ['y']), node('Exp', ['y'], ['z'])], outputs: { z: null } });
    const { placement, encodings } = placementOf([{ tensor: 'z', ranges: [[0, 6]] }]);
    assert.ok(operators(qdqModel(shared, placement, encodings)).includes('Relu'));
    const below = unary('Relu', [{ tensor: 'y', ranges: [[-1, 6]] }]);
    assert.ok(operators(qdqModel(below.model, below.placement, below.encodings)).includes('Relu'));
  });

  test('keeps a Relu between two quantizers: onnxruntime would make one of them, at any level of optimization', async () => {
    const { model, placement, encodings } = unary('Relu', [{ tensor: 'x', ranges: [[-4, 4]] }, { tensor: 'y', ranges: [[0, 3.9]] }]);
    const exported = qdqModel(model, placement, encodings);
    assert.ok(operators(exported).includes('Relu'));
    const feeds = { x: float32Tensor([64, 4], floats(256)) };
    sameOutputs(await runModel(exported, feeds, 'all'), await runModel(exported, feeds));
  });

  test('drops a Relu before the Clip of a grid narrower than its type, where that clips as much', () => {
    for (const [range, isDropped] of [[[0, 1.5], true], [[-1, 1.5], false]] as const) {
      const { model, placement, encodings } = unary('Relu', [{ tensor: 'y', grid: grid(7), ranges: [range] }]);
      assert.is(operators(qdqModel(model, placement, encodings)).includes('Relu'), !isDropped);
    }
  });

  test('keeps a Clip before another that lets more pass, at either end', () => {
    for (const [inner, outer, isDropped] of [[[0, 6], [0, 6], true], [[-1, 7], [0, 6], true], [[0, 3], [0, 6], false], [[1, 6], [0, 6], false]] as const) {
      const model = draw({
        inputs: { x: [4] }, constants: { a: scalar(inner[0]), b: scalar(inner[1]), c: scalar(outer[0]), d: scalar(outer[1]) }, outputs: ['y'],
        nodes: [['Neg', ['x'], ['n']], ['Clip', ['n', 'a', 'b'], ['i']], ['Clip', ['i', 'c', 'd'], ['o']], ['Abs', ['o'], ['y']]],
      });
      assert.is(dropRedundantClips(model.graph).rewrites, isDropped ? 1 : 0, `${inner} before ${outer}`);
    }
  });
});
