import { Schema, Table, tableFromArrays, tableFromIPC, tableToIPC } from 'apache-arrow';
import * as assert from 'uvu/assert';
import fc from 'fast-check';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { readStatistics, writeStatistics } from '../../pipeline/data/statistics-file.ts';
import { Kernels } from '../../pipeline/kernels/kernels.ts';
import type { Statistics, TensorStatistics } from '../../pipeline/observers/statistics.ts';
import { suite } from '../support/suite.ts';

const kernels = await Kernels.load();
const model = 'ab'.repeat(32);
const of = (tensors: Record<string, Float32Array>): Statistics =>
  ({ model, samples: 7, shards: null, tensors: new Map(Object.entries(tensors).map(([name, values]) => [name, kernels.observe(values)])) });

/** Of one tensor 'x', which need not make sense. */
const claimed = (statistics: Partial<Record<keyof TensorStatistics, unknown>>): Uint8Array => {
  const sound = { min: 1, max: 2, bins: Uint16Array.of(0x3f80, 0x4000), counts: BigUint64Array.of(1n, 1n) };
  return writeStatistics({ model, samples: 1, shards: null, tensors: new Map([['x', { ...sound, ...statistics } as TensorStatistics]]) });
};

/** Statistics, but for one column. */
function without(column: string): Uint8Array {
  const { schema, batches } = tableFromIPC(writeStatistics(small));
  const fields = schema.fields.filter(({ name }) => name !== column);
  const [batch] = batches.map(batch => batch.select(fields.map(({ name }) => name)));
  return tableToIPC(new Table(new Schema(fields, schema.metadata), [batch!]), 'file');
}

const small = of({ 'b': Float32Array.of(1, 2, -3, NaN, -0, Infinity), 'a': new Float32Array(0), 'nach ü': Float32Array.of(5) });

function refused(bytes: Uint8Array, pattern: RegExp): void {
  assert.throws(() => readStatistics(bytes, 'some.arrow'), (error: unknown) => {
    assert.instance(error, QuantpipeError);
    const { code, message, context } = error as QuantpipeError;
    assert.is(code, 'statistics-invalid');
    assert.match(message, pattern);
    assert.is(context['file'], 'some.arrow');
    return true;
  });
}

suite('data/statistics-file', test => {
  test('reads what it wrote, as a file and as a stream', () => {
    const batch = fc.dictionary(fc.string(), fc.float32Array({ maxLength: 20 }), { noNullPrototype: true });
    fc.assert(fc.property(batch, fc.constantFrom('file' as const, 'stream' as const), (tensors, form) => {
      const written = of(tensors), read = readStatistics(writeStatistics(written, form), 'f');
      assert.equal({ ...read, tensors: [...read.tensors].sort() }, { ...written, tensors: [...written.tensors].sort() });
    }), { seed: 1 });
  });

  test('keeps what it says of its shards, and refuses what cannot be said', () => {
    const shards = { count: 12, blockSize: 32, total: null, parts: [0, 3, 11] };
    for (const total of [null, 0, 1000]) assert.equal(readStatistics(writeStatistics({ ...small, shards: { ...shards, total } }), 'f').shards, { ...shards, total });
    for (const total of [null, 1000]) assert.equal(readStatistics(writeStatistics({ ...small, shards: { ...shards, total, reading: '0123456789ab' } }), 'f').shards, { ...shards, total, reading: '0123456789ab' });
    refused(writeStatistics({ ...small, shards: { ...shards, reading: 'x' } }), /must say which shards it is of, says ".*\/12 x 32 read x"/);
    for (const parts of [[3, 0], [3, 3], [12], [...Array(12).keys()]]) {
      refused(writeStatistics({ ...small, shards: { ...shards, parts } }), /must say which shards it is of, says ".*\/12 x 32"/);
    }
  });

  test('writes the same bytes for the same statistics, in whatever order the tensors came', () => {
    const reversed = { ...small, tensors: new Map([...small.tensors].reverse()) };
    assert.equal(writeStatistics(reversed), writeStatistics(small));
    assert.equal([...readStatistics(writeStatistics(small), 'f').tensors.keys()], ['a', 'b', 'nach ü']);
  });

  test('is an Arrow table that other tools read', () => {
    const table = tableFromIPC(writeStatistics(small));
    assert.equal(table.schema.fields.map(({ name, type }) => `${name}: ${type}`),
      ['tensor: Utf8', 'min: Float32', 'max: Float32', 'bins: List<Uint16>', 'counts: List<Uint64>']);
    const [sum, ...others] = [...table.schema.metadata].reverse();
    assert.equal(others.reverse(), [['quantpipe.statistics', '1'], ['quantpipe.model', model], ['quantpipe.samples', '7']]);
    assert.match(sum!.join(), /^quantpipe\.sum,[0-9a-f]{32}$/);
    assert.equal([...table.getChild('counts')!.get(1)], [1n, 1n, 1n, 1n, 1n, 1n]);
  });

  test('says how samples were prepared, where that is known', () => {
    const prepared = { ...small, preparation: '0123456789ab-native' };
    assert.equal(readStatistics(writeStatistics(prepared), 'f'), prepared);
    assert.is(tableFromIPC(writeStatistics(prepared)).schema.metadata.get('quantpipe.preparation'), '0123456789ab-native');
    assert.not.ok('preparation' in readStatistics(writeStatistics(small), 'f'));
  });

  test('reads rows that other tools have put into several batches', () => {
    const [first, second] = [of({ a: Float32Array.of(1) }), of({ b: Float32Array.of(2) })];
    const table = new Table([...tableFromIPC(writeStatistics(first)).batches, ...tableFromIPC(writeStatistics(second)).batches]);
    refused(tableToIPC(table, 'file'), /is damaged: its content does not have the checksum "[0-9a-f]{32}" that it names/); // that of the first
    table.schema.metadata.delete('quantpipe.sum');
    assert.equal([...readStatistics(tableToIPC(table, 'file'), 'f').tensors.keys()], ['a', 'b']);
  });

  test('whichever bit of a file is another, it is refused or says the same', () => {
    const shards = { count: 3, blockSize: 32, total: 1000, parts: [1] }, statistics = { ...small, shards, preparation: '0123456789ab-native' };
    const bytes = writeStatistics(statistics), expected = readStatistics(bytes, 'f');
    let refusals = 0;
    for (let bit = 0; bit < 8 * bytes.length; bit += 3) {
      const damaged = bytes.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      try {
        assert.equal(readStatistics(damaged, 'f'), expected, `bit ${bit}`);
      } catch (error) {
        assert.instance(error, QuantpipeError, `bit ${bit}: ${String(error)}`);
        refusals++;
      }
    }
    assert.ok(refusals > bytes.length / 3, `${refusals} refused of ${bytes.length} bytes`);
  });

  const contradictions: [string, Uint8Array, RegExp][] = [
    ['lists of different lengths', claimed({ counts: BigUint64Array.of(1n) }), /tensor 'x' has 2 bins and 1 counts/],
    ['a count of nothing', claimed({ counts: BigUint64Array.of(1n, 0n) }), /tensor 'x' counts nothing in bin 16384/],
    ['bins out of order', claimed({ bins: Uint16Array.of(0x4000, 0x3f80) }), /tensor 'x' has its bins out of order: 16256 after 16384/],
    ['a bin twice', claimed({ bins: Uint16Array.of(0x4000, 0x4000) }), /out of order/],
    ['a range without values', claimed({ bins: Uint16Array.of(0x7f80), counts: BigUint64Array.of(1n) }), /a range, \[1, 2\], but no finite value/],
    ['values without a range', claimed({ min: Infinity, max: -Infinity }), /runs backwards: \[Infinity, -Infinity\]/],
    ['a min that is not there', claimed({ min: 0.5 }), /has 0\.5 for an extreme, which is not of its outermost bin 16256/],
    ['a max that is not there', claimed({ max: 7 }), /has 7 for an extreme/],
    ['no version', tableToIPC(tableFromArrays({ tensor: [] as string[] }), 'file'), /an Arrow file, but none that observe or merge wrote/],
    ['a column too few', without('counts'), /has 4 columns, and none of them is 'counts'/],
    ['samples that are no number', writeStatistics({ ...small, samples: NaN }), /how many samples it is of, says "NaN"/],
    ['a preparation that is no hash', writeStatistics({ ...small, preparation: 'as usual' }), /how samples were prepared, says "as usual"/],
    ['no model', writeStatistics({ ...small, model: '' }), /which model/],
    ['nothing at all', new Uint8Array(0), /'some\.arrow' is empty/],
    ['another kind of file', new TextEncoder().encode('{"this": "is JSON, and long enough to be anything"}'), /not a valid Arrow file or stream/],
  ];
  for (const [what, bytes, pattern] of contradictions) {
    test(`refuses ${what}`, () => refused(bytes, pattern));
  }

  test('refuses a file that is cut short anywhere', () => {
    for (const form of ['file', 'stream'] as const) {
      const whole = writeStatistics(small, form);
      for (let length = 0; length < whole.length; length++) refused(whole.slice(0, length), /some\.arrow/);
    }
  });

  test('refuses or reads, but never hangs or breaks, when a byte is wrong', () => {
    for (const form of ['file', 'stream'] as const) {
      const whole = writeStatistics(small, form);
      for (let at = 0; at < whole.length; at++) {
        for (const byte of [0, 0x7f, whole[at]! ^ 0x80]) {
          try {
            readStatistics(whole.with(at, byte), 'some.arrow');
          } catch (error) {
            assert.instance(error, QuantpipeError, `byte ${at} of the ${form} as ${byte}: ${error}`);
          }
        }
      }
    }
  });
});
