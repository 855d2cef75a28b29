import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import * as assert from 'uvu/assert';

import type { Placement } from '../../pipeline/config/placement.ts';
import type { FileEntry } from '../../pipeline/export/encodings-file.ts';
import { encodingsJson, type EncodingsVersion, encodingsVersions } from '../../pipeline/export/encodings-json.ts';
import { readEncodings } from '../../pipeline/export/read-encodings.ts';
import type { Encoding } from '../../pipeline/quant/encoding.ts';
import type { Granularity } from '../../pipeline/quant/granularity.ts';
import { grid, steps, type Symmetry } from '../../pipeline/quant/grid.ts';
import { groupBlocks } from '../../pipeline/quant/lpbq.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { placementOf } from '../support/placements.ts';
import { suite } from '../support/suite.ts';
import { messageOf } from '../support/thrown.ts';
import { everyGranularity, node, smallNetwork } from './models.ts';

const versions = Object.keys(encodingsVersions) as EncodingsVersion[];
const scheme = 'min-max';

const read = (document: unknown) => readEncodings(typeof document === 'string' ? document : JSON.stringify(document), 'e.json');

/** Layout and encodings of a tensor. */
function entryOf(document: unknown, tensor: string): Pick<FileEntry & { kind: 'integer' }, 'layout' | 'encodings'> {
  const entry = read(document).entries.get(tensor);
  if (entry?.kind !== 'integer') throw new Error(`'${tensor}' has no encodings`);
  return { layout: entry.layout, encodings: entry.encodings };
}

/** Step, offset, bit-width and number of steps: all that decides what the encoding does to a value. */
const decisive = ({ delta, offset, grid: codes }: Encoding) => [delta, offset, codes.bitwidth, steps(codes)];

/** A weight [3, 4, 1, 1] or an activation, on a random grid, divided in a random way. */
const drawn = fc.record({
  bitwidth: fc.integer({ min: 2, max: 32 }),
  symmetry: fc.constantFrom<Symmetry>('asymmetric', 'symmetric', 'strict-symmetric', 'unsigned-symmetric'),
  division: fc.constantFrom('activation', 'tensor', 'channel 0', 'channel 1', 'channel -4', 'block', 'columns', 'lpbq'),
  ends: fc.array(fc.tuple(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.double({ min: 0, max: 1e6, noNaN: true })), { minLength: 12, maxLength: 12 }),
});

const granularities: Record<string, Granularity> = {
  'tensor': { kind: 'tensor' }, 'channel 0': { kind: 'channel', axis: 0 }, 'channel 1': { kind: 'channel', axis: 1 }, 'channel -4': { kind: 'channel', axis: -4 },
  'block': { kind: 'block', axis: 1, blockSize: 2, channelAxis: 0, decompressedBitwidth: null },
  'columns': { kind: 'block', axis: 0, blockSize: 1, channelAxis: 1, decompressedBitwidth: null },
  'lpbq': { kind: 'block', axis: 1, blockSize: 2, channelAxis: 0, decompressedBitwidth: 8 },
};
const counts: Record<string, number> = { 'activation': 1, 'tensor': 1, 'channel 0': 3, 'channel 1': 4, 'channel -4': 3, 'block': 6, 'columns': 12, 'lpbq': 6 };

const model = buildModel({
  inputs: { x: ['N', 4, 2, 2] }, weights: { w: weight([3, 4, 1, 1]) }, nodes: [node('Conv', ['x', 'w'], ['y'])], outputs: { y: null },
});

/** What was drawn as a placement; null where there is no such thing. */
function placed({ bitwidth, symmetry, division, ends }: typeof drawn extends fc.Arbitrary<infer T> ? T : never) {
  if (division === 'lpbq' && (bitwidth > 8 || symmetry !== 'symmetric')) return null;
  const isWeight = division !== 'activation';
  const tensor = isWeight ? 'w' : 'x';
  const ranges = ends.slice(0, counts[division]).map(([below, above]) => [-below, above] as const);
  const { placement, encodings } = placementOf([{ tensor, role: isWeight ? 'weight' : 'activation', grid: grid(bitwidth, symmetry), ranges, ...(isWeight && { granularity: granularities[division]! }) }]);
  return { tensor, placement, encodings: division === 'lpbq' ? new Map([['w', groupBlocks(encodings.get('w')!, 3, 8)]]) : encodings };
}

suite('export/read-encodings', test => {
  for (const version of versions) {
    test(`reads back what ${version} can say: every granularity, bit-width and symmetry`, () => {
      const carried = new Set<string>();
      fc.assert(fc.property(drawn, choice => {
        const made = placed(choice);
        if (made === null) return;
        const { tensor, placement, encodings } = made;
        let text: string;
        try {
          text = encodingsJson(model, placement, encodings, { version, scheme });
        } catch {
          return; // test/export/encodings-json.test.ts tells what is refused
        }
        carried.add(choice.division);
        const entry = read(text).entries.get(tensor)!;
        assert.is(entry.kind, 'integer');
        if (entry.kind !== 'integer') return;
        assert.equal(entry.encodings.map(decisive), encodings.get(tensor)!.map(decisive));
        for (const { min, max, delta, offset, grid: codes } of entry.encodings) assert.equal([min, max], [delta * offset, delta * (steps(codes) + offset)]);
        assert.is(entry.layout.kind, placement.quantizers[0]!.granularity.kind);
      }), { numRuns: 600, seed: 1 });
      const expected = Object.keys(counts).filter(division => version !== '0.6.1' || !['block', 'columns', 'lpbq'].includes(division));
      assert.equal([...carried].sort(), expected.sort());
    });

    test(`writes again what it read of ${version}, letter for letter`, async () => {
      const { applyEncodings } = await import('../../pipeline/export/apply-encodings.ts');
      for (const { model: network, placement, encodings } of [smallNetwork(), everyGranularity(version)]) {
        const text = encodingsJson(network, placement, encodings, { version, scheme });
        const applied = applyEncodings(network, placement, read(text));
        const lost = version === '2.0.0' && placement.floats.length > 0 ? ["the file has no encodings of 1 of 7 placed quantizers, which stay in float: 'half'"] : []; // it has no words for formats
        assert.equal(applied.warnings, lost);
        assert.equal(applied.placement.quantizers.map(({ tensor }) => tensor), placement.quantizers.map(({ tensor }) => tensor));
        const args = (document: string) => JSON.parse(document) as Record<string, unknown>;
        const again = encodingsJson(network, applied.placement as Placement, applied.encodings, { version, scheme });
        assert.equal(rounded(args(again)), rounded(args(text)));
      }
    });
  }

  // tensor, and what the specification's example says of it: deltas, offset, bit-width
  const examples: Record<EncodingsVersion, [tensor: string, deltas: number[], offset: number, bitwidth: number][]> = {
    '0.6.1': [['input', [0.00784314], -64, 8], ['conv.weight', [0.00787402, 0.003937], -128, 8]],
    '1.0.0': [
      ['input', [0.00784314], -64, 8], ['conv.weight', [0.0078740, 0.0039370], -128, 8], ['fc.weight', [0.01, 0.02, 0.03, 0.04], -8, 4],
      ['mlp.weight', [16 * 0.001, 6 * 0.001, 9 * 0.002, 16 * 0.002], -8, 4],
    ],
    '2.0.0': [
      ['input', [0.0078431], -64, 8], ['conv.weight', [0.00787, 0.00394], -128, 8], ['fc.weight', [0.01, 0.02, 0.03, 0.04], -8, 4],
      ['mlp.weight', [16 * 0.001, 6 * 0.001, 9 * 0.002, 16 * 0.002], -8, 4], ['conv.bias', [6.17e-5, 3.09e-5], -(2 ** 31), 32],
    ],
  };
  for (const version of versions) {
    test(`reads the example of the specification of ${version}`, async () => {
      const example = JSON.parse(await readFile(`fixtures/schemas/encodings-${version}.example.json`, 'utf8')) as { encodings?: { name: string }[] };
      const readable = example.encodings === undefined ? example : { ...example, encodings: example.encodings.filter(({ name }) => name !== 'w2.weight') };
      for (const [tensor, deltas, offset, bitwidth] of examples[version]) {
        assert.equal(entryOf(readable, tensor).encodings.map(({ delta, offset, grid }) => [delta, offset, grid.bitwidth]), deltas.map(delta => [delta, offset, bitwidth]));
      }
      if (version !== '2.0.0') assert.is(read(readable).entries.get('attn')!.kind, 'float');
    });
  }

  test('2.0.0 says which axes have the channels and the blocks', () => {
    const { model: network, placement, encodings } = everyGranularity('2.0.0');
    const text = encodingsJson(network, placement, encodings, { version: '2.0.0', scheme });
    const layout = (tensor: string) => entryOf(text, tensor).layout;
    assert.equal(layout('channels'), { kind: 'channel', axis: 0 });
    assert.equal(layout('blocks'), { kind: 'block', axis: 1, channelAxis: 0, blockSize: 2, decompressedBitwidth: null });
    assert.equal(layout('columns'), { kind: 'block', axis: 0, channelAxis: 1, blockSize: 2, decompressedBitwidth: null });
    assert.equal(layout('multiples'), { kind: 'block', axis: 1, channelAxis: 0, blockSize: 2, decompressedBitwidth: 8 });
  });

  test('a file without a version, or of 0.4, has integers only and says no dtype', () => {
    const record = { bitwidth: 8, is_symmetric: 'False', min: -0.5, max: 2.05, scale: 0.01, offset: -50 };
    for (const version of [{}, { version: '0.4' }, { version: '0.4.0' }]) {
      const entry = entryOf({ ...version, activation_encodings: { x: [record] }, param_encodings: { w: [record, { ...record, scale: 0.02, min: -1, max: 4.1 }] } }, 'w');
      assert.equal(entry, { layout: { kind: 'channel', axis: null }, encodings: [0.01, 0.02].map(delta => ({ delta, offset: -50, min: delta * -50, max: delta * 205, grid: grid(8) })) });
    }
  });

  test('parameters alone, as AdaRound hands them on, are under their names', () => {
    const entry = { bitwidth: 4, is_symmetric: 'True', min: -0.8, max: 0.7, scale: 0.1, offset: -8 };
    const file = read({ 'conv.weight': [entry, { ...entry, dtype: 'int' }] });
    assert.equal([...file.entries.keys()], ['conv.weight']);
    assert.equal(entryOf({ 'conv.weight': [entry, { ...entry, dtype: 'int' }] }, 'conv.weight').encodings.map(decisive), Array(2).fill([0.1, -8, 4, 15]));
    assert.is(messageOf(() => read({ 'conv.weight': 3 })), 'encodings-invalid conv.weight: expected a list, got 3');
    assert.is(messageOf(() => read({})), "encodings-invalid e.json: has no 'activation_encodings'");
  });

  test('2.1.0 has scales that are whole numbers times a scale per channel: LPBQ', () => {
    const y_scale = { x: [[16, 6], [9, 16]], x_scale: [0.001, 0.002], axis: 0 };
    const entry = entryOf({ version: '2.1.0', encodings: [{ name: 'w', output_dtype: 'int4', axis: 1, block_size: 64, y_scale }] }, 'w');
    assert.equal(entry.layout, { kind: 'block', axis: 1, channelAxis: 0, blockSize: 64, decompressedBitwidth: 8 });
    assert.equal(entry.encodings.map(({ delta }) => delta), [16 * 0.001, 6 * 0.001, 9 * 0.002, 16 * 0.002]);
    const shifted = entryOf({ version: '2.1.0', encodings: [{ name: 'w', output_dtype: 'int8', axis: 0, y_scale: { x: [130, 129], x_scale: 0.5, x_zero_point: 128 } }] }, 'w');
    assert.equal(shifted.encodings.map(({ delta }) => delta), [1, 0.5]);
  });

  test('a negative axis counts from the end', () => {
    const layout = (fields: object) => entryOf({ version: '2.0.0', encodings: [{ name: 'x', output_dtype: 'int8', ...fields }] }, 'x').layout;
    assert.equal(layout({ axis: -2, y_scale: [1, 2] }), { kind: 'channel', axis: -2 });
    assert.equal(layout({ axis: -1, block_size: 2, y_scale: [[1, 2], [3, 4]] }), { kind: 'block', axis: 1, channelAxis: 0, blockSize: 2, decompressedBitwidth: null });
  });

  test('types with a sign have the same codes with another zero point', () => {
    const of = (fields: object) => entryOf({ version: '2.0.0', encodings: [{ name: 'x', y_scale: 0.5, ...fields }] }, 'x').encodings[0]!;
    assert.equal(of({ output_dtype: 'int8', y_zero_point: -28 }), of({ output_dtype: 'uint8', y_zero_point: 100 }));
    assert.equal(of({ output_dtype: 'int8' }).grid, grid(8, 'symmetric'));
    assert.equal(of({ output_dtype: 'uint32', y_zero_point: 7 }), of({ output_dtype: 'int32', y_zero_point: 7 - 2 ** 31 }));
  });
});

/** Numbers to 12 digits: ends are written as they were fitted, and read as step and offset give them. */
function rounded(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, item: unknown) => typeof item === 'number' ? Number(item.toPrecision(12)) : item);
}
