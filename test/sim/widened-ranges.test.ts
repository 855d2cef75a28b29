import * as assert from 'uvu/assert';

import { placeQuantizers } from '../../pipeline/config/place-quantizers.ts';
import { parseConfig } from '../../pipeline/config/parse-config.ts';
import { parseOverrides } from '../../pipeline/config/override.ts';
import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { widenedRangeWarnings } from '../../pipeline/sim/warnings.ts';
import { buildModel } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';

const config = parseConfig({ defaults: { ops: { is_output_quantized: 'True' }, params: {} }, params: {}, op_type: {}, supergroups: [], model_input: {}, model_output: {} }, 'the test');

/** What is told of tensors with these overrides, that were observed from -3 to 6. */
function told(overrides: Record<string, { min?: number; max?: number; symmetry?: string }>, kept: ReadonlySet<string> = new Set()): string[] {
  const names = ['a', 'b', 'c', 'd'];
  const model = buildModel({ inputs: { x: [4] }, nodes: names.map(name => ({ op: 'Elu', in: ['x'], out: [name] })), outputs: Object.fromEntries(names.map(name => [name, null])) });
  const placement = placeQuantizers(model, config, { overrides: parseOverrides(overrides, 'the test') });
  const encodings = new Map(placement.quantizers.map(({ tensor, grid, constraint }) => [tensor, [fitEncoding(constraint?.min ?? -3, constraint?.max ?? 6, grid)]]));
  return widenedRangeWarnings(placement, encodings, kept);
}

suite('sim/widened-ranges', test => {
  // 6 is the 127th step of a symmetric grid of 8 bits, so its lowest code is -128 * 6 / 127 = -6.047; of a strict one -6
  const cases: [what: string, setting: { min?: number; max?: number; symmetry?: string }, told: string | null][] = [
    ['one end on a symmetric grid', { min: 0, symmetry: 'symmetric' }, "1 fixed range is widened: 'a' with min 0 is -6.047 to 6, because its grid is symmetric"],
    ['one end on a strict one', { min: -2, symmetry: 'strict-symmetric' }, "1 fixed range is widened: 'a' with min -2 is -6 to 6, because its grid is strict-symmetric"],
    ['the end that the observation does not exceed', { max: 6, symmetry: 'symmetric' }, null],
    ['an end that the other side exceeds', { max: 1, symmetry: 'symmetric' }, "1 fixed range is widened: 'a' with max 1 is -3.024 to 3, because its grid is symmetric"],
    ['ends without negative values on an unsigned grid', { min: 0, max: 6, symmetry: 'unsigned-symmetric' }, null],
    ['ends that mirror each other', { min: -2, max: 2 }, null],
    ['ends on an asymmetric grid', { min: -1, max: 6 }, null],
    ['ends that lie closer than the narrowest range', { min: 0, max: 0.002 }, "1 fixed range is widened: 'a' with min 0 and max 0.002 is 0 to 0.01, because no range is narrower than 0.01"],
  ];
  for (const [what, setting, expected] of cases) {
    test(`a fixed range is ${expected === null ? 'kept' : 'told to be widened'}: ${what}`, () => {
      assert.equal(told({ a: setting }), expected === null ? [] : [expected]);
    });
  }

  test('several are counted, and the first named; those that a file keeps are not', () => {
    const setting = { min: 0, symmetry: 'symmetric' };
    const message = told({ a: setting, b: setting, c: setting, d: setting })[0]!;
    assert.ok(message.startsWith("4 fixed ranges are widened: 'a' with") && message.endsWith('; and 1 more'), message);
    assert.equal(told({ a: setting }, new Set(['a'])), []);
  });
});
