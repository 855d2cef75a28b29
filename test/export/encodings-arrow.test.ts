import { tableFromIPC } from 'apache-arrow';
import * as assert from 'uvu/assert';

import { encodingsArrow } from '../../pipeline/export/encodings-arrow.ts';
import type { Statistics } from '../../pipeline/observers/statistics.ts';
import { suite } from '../support/suite.ts';
import { smallNetwork } from './models.ts';

const schemes = { activation: 'tf-enhanced', weight: 'min-max' };

/** One -1, two zeros, a 2, an infinity and two NaNs. */
const observed = { min: -1, max: 2, bins: Uint16Array.of(0xffc0, 0xbf80, 0x0000, 0x4000, 0x7f80, 0x7fc0), counts: BigUint64Array.of(1n, 1n, 2n, 1n, 1n, 1n) };
const statistics: Statistics = { model: 'ff', samples: 1, shards: null, tensors: new Map([['positive', observed]]) };

suite('export/encodings-arrow', test => {
  const { model, placement, encodings } = smallNetwork();
  const bytes = () => encodingsArrow(model, placement, encodings, schemes, statistics);

  test('has a row per quantizer and channel', async () => {
    const rows = tableFromIPC(await bytes()).toArray().map(row => (row as { toJSON(): Record<string, unknown> }).toJSON());
    assert.equal(rows.map(({ tensor, channel }) => [tensor, channel]), [
      ['image', null], ['kernel', 0], ['kernel', 1], ['positive', null], ['flat', null], ['matrix', null], ['logits', null],
      ['shift', 0], ['shift', 1], ['offset', null],
    ]);
    assert.equal(rows[2], {
      tensor: 'kernel', role: 'weight', channel: 1, bitwidth: 8, symmetry: 'symmetric', scheme: 'min-max', group: 'kernel', rule: 'defaults.ops.is_output_quantized',
      min: -256 / 127, max: 2, delta: 2 / 127, offset: -128n, observed_min: null, observed_max: null, count: null, nan_count: null, infinite_count: null,
    });
  });

  test('tells of encodings that came from a file that no scheme chose them', async () => {
    const table = tableFromIPC(await encodingsArrow(model, placement, encodings, { ...schemes, loaded: new Set(['kernel', 'positive']) }, statistics));
    const rows = table.toArray().map(row => (row as { toJSON(): Record<string, unknown> }).toJSON());
    assert.equal(rows.slice(0, 5).map(({ tensor, scheme }) => [tensor, scheme]), [
      ['image', 'tf-enhanced'], ['kernel', 'loaded'], ['kernel', 'loaded'], ['positive', 'loaded'], ['flat', 'tf-enhanced'],
    ]);
  });

  test('tells what was observed, in every row of the group that it decided', async () => {
    const rows = tableFromIPC(await bytes()).toArray().map(row => (row as { toJSON(): Record<string, unknown> }).toJSON());
    for (const row of rows.filter(({ group }) => group === 'positive')) {
      assert.equal([row['observed_min'], row['observed_max'], row['count'], row['nan_count'], row['infinite_count']], [-1, 2, 7n, 2n, 1n]);
    }
  });

  test('gives the same bytes again', async () => {
    assert.equal(Buffer.from(await bytes()).toString('hex'), Buffer.from(await bytes()).toString('hex'));
  });
});
