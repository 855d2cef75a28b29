import * as assert from 'uvu/assert';

import { float32Tensor, type Tensor } from '../../pipeline/base/tensor.ts';
import { fitSoftmax } from '../../pipeline/config/fit-softmax.ts';
import type { EncodingTable } from '../../pipeline/config/placement.ts';
import { type EngineName, openEngine } from '../../pipeline/engine/index.ts';
import { qdqModel } from '../../pipeline/export/qdq-model.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { node } from '../export/models.ts';
import { buildModel } from '../support/graphs.ts';
import { placementOf } from '../support/placements.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';

function attention(range: [number, number], codes = grid(8)) {
  const nodes = [node('Softmax', ['x'], ['y']), node('Transpose', ['y'], ['z']), node('Neg', ['z'], ['w'])];
  const model = buildModel({ opset: 13, inputs: { x: [64, 8] }, nodes, outputs: { w: null } });
  return { model, ...placementOf([{ tensor: 'x', ranges: [[-4, 4]] }, { tensor: 'y', grid: codes, ranges: [range] }, { tensor: 'z', group: 'y', grid: codes, ranges: [range] }]) };
}

suite('config/fit-softmax', test => {
  // max of the range -> the whole number that 1 / delta becomes
  for (const [max, whole] of [[1, 255], [0.999, 255], [0.9, 283], [0.51, 500], [0.01, 25500]] as const) {
    test(`a Softmax up to ${max} has a delta of 1/${whole}, on the side where its float32 reciprocal is not less`, () => {
      const { model, placement, encodings } = attention([0, max]);
      const fitted = fitSoftmax(model, placement, encodings);
      const [{ delta, max: top, offset }] = fitted.get('y')! as [NonNullable<ReturnType<EncodingTable['get']>>[number]];
      assert.is(Math.floor(Math.fround(1 / Math.fround(delta))), whole);
      assert.ok(Math.abs(delta * whole - 1) < 1e-6);
      assert.is(top, 255 * delta);
      assert.is(offset, 0);
      assert.equal(fitted.get('z'), fitted.get('y'));
      assert.is(fitted.get('x'), encodings.get('x'));
    });
  }

  test('leaves grids alone that the integer operator does not have', () => {
    const { model, placement, encodings } = attention([0, 0.9], grid(4));
    assert.equal(fitSoftmax(model, placement, encodings), encodings);
  });

  for (const name of ['web', 'native'] as const satisfies EngineName[]) {
    test(`with it, the integer Softmax of the ${name} engine gives what quantizing the float one gives`, async () => {
      const { model, placement, encodings } = attention([0, 1]);
      const engine = await openEngine(name);
      const x = float32Tensor([64, 8], floats(512));
      const wrongCodes = async (table: EncodingTable) => {
        const bytes = writeModel(qdqModel(model, placement, table));
        const results: Tensor[] = [];
        for (const fuseQuantized of [true, false]) {
          const session = await engine.load(bytes, { fuseQuantized });
          results.push((await session.run({ x }))['w']!);
          await session.close();
        }
        const [fused, exact] = results.map(({ data }) => data as Float32Array);
        return fused!.filter((value, i) => value !== exact![i]).length;
      };
      const before = await wrongCodes(encodings), after = await wrongCodes(fitSoftmax(model, placement, encodings));
      assert.ok(before > 50 && after <= 2, `${before} of 512 codes differ before, ${after} after`);
    });
  }
});
