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

  const record = { name: 'x', enc_type: 'PER_TENSOR', dtype: 'INT', bw: 8, is_sym: false, scale: [0.01], offset: [-100] };
  const file = (...records: unknown[]) => ({ version: '1.0.0', activation_encodings: records, param_encodings: [] });
  const lpbq = { ...record, enc_type: 'LPBQ', is_sym: true, compressed_bw: 4, block_size: 2, per_block_int_scale: [16, 6], offset: [-128] };
  const old = { bitwidth: 8, dtype: 'int', is_symmetric: 'False', min: -1, max: 1.55, scale: 0.01, offset: -100 };
  const file061 = (...records: unknown[]) => ({ version: '0.6.1', activation_encodings: { x: records }, param_encodings: {} });
  const flat = { name: 'x', output_dtype: 'uint8', y_scale: 0.01, y_zero_point: 100 };
  const file200 = (entry: object, version = '2.0.0') => ({ version, encodings: [{ ...flat, ...entry }] });
  const blocked = { axis: 1, block_size: 2, y_scale: [[1, 2], [3, 4]], y_zero_point: 0 };

  test('what the cases below break is whole', () => {
    for (const whole of [file(record), file({ ...record, zero_point_shift: [0] }), `\uFEFF${JSON.stringify(file(record))}`, file(lpbq), file061(old), file200({}), file200(blocked)]) read(whole);
  });

  // what is wrong with the file, and what the message says after the code
  const malformed: [unknown, string][] = [
    ['', 'e.json: not JSON (is the file whole?): Unexpected end of JSON input'],
    [JSON.stringify(file(record)).slice(0, -40), 'e.json: not JSON (is the file whole?): '],
    [[], 'e.json: expected an object, got []'],
    [{ version: '1.1.0' }, 'version: expected one of the known versions 0.4.0, 0.6.1, 1.0.0, 2.0.0, 2.1.0, got "1.1.0"'],
    [{ version: 1 }, 'version: expected one of the known versions'],
    [{ version: '1.0.0', param_encodings: [] }, "e.json: has no 'activation_encodings'"],
    [{ version: '1.0.0', activation_encodings: {}, param_encodings: [] }, 'activation_encodings: expected a list, got {}'],
    [file(3), 'activation_encodings[0]: expected an object, got 3'],
    [file({ ...record, name: undefined }), "activation_encodings[0]: has no 'name'"],
    [file(record, record), "activation_encodings[1]: 'x' has an entry already, activation_encodings[0]"],
    [{ ...file(record), param_encodings: [record] }, "param_encodings[0]: 'x' has an entry already, activation_encodings[0]"],
    [file({ ...record, zero_point_shift: 0.5 }), 'activation_encodings[0].zero_point_shift: a zero point shifted by 0.5 leaves zero without a code; only whole ones can be simulated'],
    [file({ ...record, zero_point_shift: [0, -0.5] }), 'activation_encodings[0].zero_point_shift: a zero point shifted by -0.5 leaves'],
    [JSON.stringify(file(record)).replace('0.01', '1e400'), 'activation_encodings[0].scale[0]: expected a number that float32 can hold, got a number too large for a float64'],
    [JSON.stringify(file(record)).replace('"bw":8', '"bw":8,"bw":4'), 'activation_encodings[0].bw: the key stands there twice'],
    [file({ ...record, bw: 33 }), 'activation_encodings[0].bw: expected an integer from 2 to 32, got 33'],
    [file({ ...record, bw: '8' }), 'activation_encodings[0].bw: expected an integer from 2 to 32, got "8"'],
    [file({ ...record, dtype: 'INT8' }), 'activation_encodings[0].dtype: expected "INT" or "FLOAT", got "INT8"'],
    [file({ name: 'x', enc_type: 'PER_TENSOR', dtype: 'FLOAT', bw: 32 }), 'activation_encodings[0].bw: expected 16, got 32'],
    [file({ ...record, enc_type: 'VECTOR' }), 'activation_encodings[0].enc_type: expected "PER_TENSOR" or "PER_CHANNEL" or "PER_BLOCK" or "LPBQ", got "VECTOR"'],
    [file({ ...record, is_sym: 1 }), 'activation_encodings[0].is_sym: expected "True" or "False", got 1'],
    [file({ ...record, offset: [-1, -2] }), 'activation_encodings[0].offset: has 2 values, scale has 1'],
    [file({ ...record, scale: [1, 2], offset: [0, 0] }), 'activation_encodings[0].scale: PER_TENSOR has 1 value, got 2'],
    [file({ ...record, scale: [], offset: [] }), 'activation_encodings[0].scale: expected at least one value, got []'],
    [file({ ...record, scale: [0] }), 'activation_encodings[0].scale[0]: expected a positive number, got 0'],
    [file({ ...record, scale: [-0.01] }), 'activation_encodings[0].scale[0]: expected a positive number, got -0.01'],
    [file({ ...record, scale: [1e-50] }), 'activation_encodings[0].scale[0]: expected a number that float32 can hold, got 1e-50'],
    [file({ ...record, scale: [1e39] }), 'activation_encodings[0].scale[0]: expected a number that float32 can hold, got 1e+39'],
    [file({ ...record, scale: ['0.01'] }), 'activation_encodings[0].scale[0]: expected a positive number, got "0.01"'],
    [JSON.stringify(file(record)).replace('0.01', 'NaN'), 'activation_encodings[0].scale[0]: expected a positive number, got "NaN"'],
    [JSON.stringify(file(record)).replace('0.01', '-Infinity'), 'activation_encodings[0].scale[0]: expected a positive number, got "-Infinity"'],
    [file({ ...record, offset: [100] }), 'activation_encodings[0].offset[0]: expected an integer from -255 to 0, got 100'],
    [file({ ...record, offset: [-256] }), 'activation_encodings[0].offset[0]: expected an integer from -255 to 0, got -256'],
    [file({ ...record, offset: [-0.5] }), 'activation_encodings[0].offset[0]: expected an integer from -255 to 0, got -0.5'],
    [file({ ...record, is_sym: true }), 'activation_encodings[0].offset[0]: expected -128, -127 or 0, those of symmetric grids of 8 bits, got -100'],
    [file({ ...record, enc_type: 'PER_CHANNEL', is_sym: true, scale: [1, 1], offset: [-127, -128] }), 'activation_encodings[0].offset: channel 0 is strict-symmetric with 8 bits, channel 1 is symmetric with 8'],
    [file({ ...record, enc_type: 'PER_BLOCK' }), "activation_encodings[0]: has no 'block_size'"],
    [file({ ...record, enc_type: 'PER_BLOCK', block_size: 0 }), 'activation_encodings[0].block_size: expected an integer from 1 to'],
    [file({ ...lpbq, is_sym: false }), 'activation_encodings[0].is_sym: expected true: LPBQ is symmetric, got false'],
    [file({ ...lpbq, compressed_bw: 9 }), 'activation_encodings[0].compressed_bw: expected an integer from 2 to 8, got 9'],
    [file({ ...lpbq, per_block_int_scale: [16, 0] }), 'activation_encodings[0].per_block_int_scale[1]: expected an integer from 1 to 65535, got 0'],
    [file({ ...lpbq, scale: [1, 1], offset: [-128, -128], per_block_int_scale: [1, 2, 3] }), 'activation_encodings[0].per_block_int_scale: 3 blocks do not divide among 2 channels'],
    [file({ ...lpbq, offset: [-8] }), 'activation_encodings[0].offset[0]: expected an integer from -128 to -128, got -8'],
    [{ version: '0.6.1', activation_encodings: [], param_encodings: {} }, 'activation_encodings: expected an object, got []'],
    [file061(), 'activation_encodings.x: expected a record for each channel, got []'],
    [file061({ ...old, dtype: undefined }), "activation_encodings.x[0]: has no 'dtype'"],
    [file061({ ...old, scale: 0 }), 'activation_encodings.x[0].scale: expected a positive number, got 0'],
    [file061({ ...old, offset: 100 }), 'activation_encodings.x[0].offset: expected an integer from -255 to 0, got 100'],
    [file061({ ...old, min: -2 }), 'activation_encodings.x[0].min: expected -1, which scale and offset give, got -2'],
    [file061(old, { ...old, bitwidth: 16 }), 'activation_encodings.x[1].max: expected 654.35'],
    [file061(old, { ...old, bitwidth: 9, max: 4.11 }), 'activation_encodings.x: channel 0 is asymmetric with 8 bits, channel 1 is asymmetric with 9'],
    [file061(old, { bitwidth: 16, dtype: 'float' }), 'activation_encodings.x[1].dtype: expected "int", as in the first channel, got "float"'],
    [{ version: '2.0.0' }, "e.json: has no 'encodings'"],
    [file200({ output_dtype: 'int6' }), 'encodings[0].output_dtype: expected "int2" or'],
    [file200({ output_dtype: 'float4e2m1' }, '2.1.0'), 'encodings[0].output_dtype: codes that are floating-point numbers (float4e2m1) have no grid'],
    [file200({ y_scale: 0 }), 'encodings[0].y_scale: expected a positive number, got 0'],
    [file200({ y_zero_point: 256 }), 'encodings[0].y_zero_point: expected an integer from 0 to 255, got 256'],
    [file200({ y_zero_point: -1 }), 'encodings[0].y_zero_point: expected an integer from 0 to 255, got -1'],
    [file200({ output_dtype: 'int2', axis: 0, y_scale: [1, 2], y_zero_point: [-0.5, -0.5] }), 'encodings[0].y_zero_point[0]: a zero point of -0.5 leaves zero without a code'],
    [file200({ y_scale: [1, 2], y_zero_point: 0 }), "encodings[0]: has no 'axis'"],
    [file200({ y_scale: [1, 2], axis: 0, y_zero_point: [1, 2, 3] }), "encodings[0].y_zero_point: has shape [3], which does not fit the scales' [2]"],
    [file200({ y_scale: [[1, 2], [3, 4]], axis: 0, y_zero_point: 0 }), 'encodings[0]: one scale per channel is a flat list, got 2 levels'],
    [file200({ ...blocked, y_scale: [[1, 2], [3]] }), 'encodings[0].y_scale[1]: has shape [1], the first of its list [2]'],
    [file200({ ...blocked, axis: 2 }), 'encodings[0]: blocks along axis 2 need scales of at least 2 dimensions, one of them that axis; got [2, 2]'],
    [file200({ ...blocked, y_scale: [[[1, 2], [3, 4]], [[1, 2], [3, 4]]] }), 'encodings[0]: blocks have one dimension of channels, got scales of shape [2, 2, 2] with blocks along axis 1'],
    [file200({ y_scale: { x: [1, 2], x_scale: 0.5, input_dtype: 'float8e4m3fn' } }, '2.1.0'), 'encodings[0].y_scale.input_dtype: scales that are floating-point codes cannot be read'],
    [file200({ y_scale: { x: [4, 2], x_scale: 0.5, x_zero_point: 2 }, axis: 0, y_zero_point: 0 }, '2.1.0'), 'encodings[0].y_scale: scale 1 would be 0 times x_scale'],
  ];
  for (const [document, claim] of malformed) {
    test(`refuses a file: ${claim}`, () => {
      const message = messageOf(() => read(document));
      assert.ok(message.startsWith(`encodings-invalid ${claim}`), message);
    });
  }
});

/** Numbers to 12 digits: ends are written as they were fitted, and read as step and offset give them. */
function rounded(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, item: unknown) => typeof item === 'number' ? Number(item.toPrecision(12)) : item);
}
