import * as assert from 'uvu/assert';

import { dropRedundantClips } from '../../pipeline/export/drop-clips.ts';
import type { Tensor } from '../../pipeline/base/tensor.ts';
import { draw, scalar } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';

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
});
