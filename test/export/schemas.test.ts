import { readdir, readFile } from 'node:fs/promises';
import * as assert from 'uvu/assert';

import type { EncodingTable, Placement, Quantizer } from '../../pipeline/config/placement.ts';
import { placeQuantizers, type PlacementOptions } from '../../pipeline/config/place-quantizers.ts';
import { loadConfig, presetNames } from '../../pipeline/config/presets/index.ts';
import { encodingsJson, type EncodingsVersion, encodingsVersions } from '../../pipeline/export/encodings-json.ts';
import { readEncodings } from '../../pipeline/export/read-encodings.ts';
import type { Graph, Model } from '../../pipeline/graph/graph.ts';
import { readModelFile } from '../../pipeline/onnx/read-model.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { type Encoding, fitEncoding } from '../../pipeline/quant/encoding.ts';
import { axisIn, splitOf } from '../../pipeline/quant/granularity.ts';
import { groupBlocks } from '../../pipeline/quant/lpbq.ts';
import { floats } from '../support/random.ts';
import { schemaOf } from '../support/schemas.ts';
import { suite } from '../support/suite.ts';
import { everyGranularity } from './models.ts';

const versions = Object.keys(encodingsVersions) as EncodingsVersion[];

/** Bit-widths, blocks and formats beyond the defaults, and the versions that have words for them. */
const widths: readonly (readonly [what: string, options: PlacementOptions, able: readonly EncodingsVersion[]])[] = [
  ['8 bits', {}, versions],
  ['4 and 16 bits', { weightBitwidth: 4, activationBitwidth: 16 }, versions],
  ['blocks of 4 bits', { weightBitwidth: 4, blocks: { blockSize: 4, decompressedBitwidth: null, undivided: 'skip' } }, ['1.0.0', '2.0.0']],
  ['LPBQ', { weightBitwidth: 4, blocks: { blockSize: 4, decompressedBitwidth: 8, undivided: 'skip' } }, ['1.0.0', '2.0.0']],
  ['float16 activations', { activationFormat: 'float16' }, versions],
  ['float16 weights', { weightFormat: 'float16' }, versions],
  ['float16 alone', { activationFormat: 'float16', weightFormat: 'float16' }, versions],
];

/** Encodings for all that is placed, of ranges drawn at random: what a file looks like does not depend on them. */
function drawnEncodings({ graph }: Model, { quantizers }: Placement): EncodingTable {
  return new Map(quantizers.map(quantizer => {
    const dims = graph.values.get(quantizer.tensor)?.initializer?.dims ?? [];
    const count = quantizer.granularity.kind === 'tensor' || dims.length === 0 ? 1 : splitOf(dims, quantizer.granularity).encodings;
    const ends = floats(2 * count, { seed: count, min: 0.1, max: 3 });
    return [quantizer.tensor, grouped(graph, quantizer, Array.from({ length: count }, (_, i) => fitEncoding(-ends[2 * i]!, ends[2 * i + 1]!, quantizer.grid)))];
  }));
}

function grouped({ values }: Graph, { tensor, granularity }: Quantizer, encodings: Encoding[]): Encoding[] {
  if (granularity.kind !== 'block' || granularity.decompressedBitwidth === null) return encodings;
  const { dims } = values.get(tensor)!.initializer!;
  return groupBlocks(encodings, dims[axisIn(dims, granularity.channelAxis)]!, granularity.decompressedBitwidth);
}

const models = (await readdir('fixtures/models')).filter(name => name.endsWith('.onnx'));
const schemas = new Map(await Promise.all(versions.map(async version => [version, await schemaOf(version)] as const)));

type Document = Record<string, unknown>;

/** Where a document is harmed, and with what: undefined takes the field away. */
type NearMiss = readonly [what: string, path: readonly (string | number)[], value: unknown];

const nearMisses: Readonly<Record<EncodingsVersion, readonly NearMiss[]>> = {
  '0.6.1': [
    ['another version', ['version'], '1.0.0'],
    ['a section that is missing', ['param_encodings'], undefined],
    ['a list of tensors', ['activation_encodings'], []],
    ['a record in place of a list', ['activation_encodings', 'x'], { bitwidth: 16, dtype: 'float' }],
    ['no channels', ['param_encodings', 'channels'], []],
    ['channels of an activation', ['activation_encodings', 'half', 1], { bitwidth: 16, dtype: 'float' }],
    ['a boolean that is no word', ['param_encodings', 'whole', 0, 'is_symmetric'], true],
    ['a bit-width of 33', ['param_encodings', 'whole', 0, 'bitwidth'], 33],
    ['a float of 8 bits', ['activation_encodings', 'half', 0, 'bitwidth'], 8],
    ['a scale of 0', ['param_encodings', 'channels', 1, 'scale'], 0],
    ['a positive offset', ['param_encodings', 'channels', 1, 'offset'], 128],
    ['an offset between codes', ['param_encodings', 'channels', 1, 'offset'], -127.5],
    ['a range without zero', ['param_encodings', 'channels', 1, 'min'], 0.5],
    ['a field that is missing', ['param_encodings', 'channels', 1, 'max'], undefined],
    ['a field of another version', ['param_encodings', 'channels', 1, 'bw'], 8],
    ['no arguments', ['quantizer_args'], undefined],
  ],
  '1.0.0': [
    ['another version', ['version'], '0.6.1'],
    ['an object of tensors', ['activation_encodings'], {}],
    ['a record without a name', ['param_encodings', 0, 'name'], undefined],
    ['an unknown enc_type', ['param_encodings', 0, 'enc_type'], 'PER_GROUP'],
    ['dtype in small letters', ['param_encodings', 0, 'dtype'], 'int'],
    ['a boolean that is a word', ['param_encodings', 0, 'is_sym'], 'True'],
    ['two scales per tensor', ['param_encodings', 0, 'scale', 1], 0.5],
    ['two offsets per tensor', ['param_encodings', 0, 'offset', 1], 0],
    ['a scale that is no list', ['param_encodings', 0, 'scale'], 0.5],
    ['a negative scale', ['param_encodings', 1, 'scale', 0], -0.5],
    ['a positive offset', ['param_encodings', 1, 'offset', 0], 1],
    ['an offset below int32', ['param_encodings', 1, 'offset', 0], -(2 ** 31) - 1],
    ['a bit-width of 1', ['param_encodings', 0, 'bw'], 1],
    ['blocks without their size', ['param_encodings', 2, 'block_size'], undefined],
    ['channels with a block size', ['param_encodings', 1, 'block_size'], 2],
    ['LPBQ without multiples', ['param_encodings', 4, 'per_block_int_scale'], undefined],
    ['multiples beyond uint16', ['param_encodings', 4, 'per_block_int_scale', 0], 65_536],
    ['multiples of a block that is no LPBQ', ['param_encodings', 2, 'per_block_int_scale'], [1, 2]],
    ['a float with a scale', ['activation_encodings', 1, 'scale'], [1]],
    ['channels of an activation', ['activation_encodings', 0, 'enc_type'], 'PER_CHANNEL'],
  ],
  '2.0.0': [
    ['another version', ['version'], '2.1.0'],
    ['the sections of 1.0.0', ['activation_encodings'], []],
    ['a type without codes', ['encodings', 0, 'output_dtype'], 'float16'],
    ['a type of 6 bits', ['encodings', 0, 'output_dtype'], 'int6'],
    ['a scale of 0', ['encodings', 0, 'y_scale'], 0],
    ['scales of channels without an axis', ['encodings', 2, 'axis'], undefined],
    ['an axis for one scale', ['encodings', 0, 'axis'], 0],
    ['a negative axis', ['encodings', 2, 'axis'], -1],
    ['blocks without their size', ['encodings', 3, 'block_size'], undefined],
    ['blocks in a flat list', ['encodings', 3, 'y_scale'], [0.1, 0.2]],
    ['AIMET\'s offset', ['encodings', 0, 'offset'], -100],
    ['a third of a zero point', ['encodings', 0, 'y_zero_point'], 0.3],
    ['multiples of 0', ['encodings', 5, 'per_block_int_scale', 0, 0], 0],
    ['LPBQ without scales of channels', ['encodings', 5, 'per_channel_float_scale'], undefined],
  ],
};

/** The document with one place changed. */
function harmed(document: Document, path: readonly (string | number)[], value: unknown): Document {
  const copy = structuredClone(document);
  const holder = path.slice(0, -1).reduce<Document>((at, key) => at[key] as Document, copy);
  if (value === undefined) delete holder[path.at(-1)!];
  else holder[path.at(-1)!] = value;
  return copy;
}

suite('export/schemas', test => {
  for (const name of models) {
    test(`what is written of ${name} is valid by the schema of its version, and can be read`, async () => {
      const { model } = prepareModel(await readModelFile(`fixtures/models/${name}`));
      for (const preset of presetNames) {
        for (const [what, options, able] of widths) {
          const placement = placeQuantizers(model, loadConfig(preset), options);
          const encodings = drawnEncodings(model, placement);
          const written = able.filter(version => hasWords(version, placement));
          for (const version of written) {
            const text = encodingsJson(model, placement, encodings, { version, scheme: 'min-max' });
            assert.equal(schemas.get(version)!(JSON.parse(text)), [], `${preset}, ${what}, ${version}`);
            readEncodings(text, version);
          }
        }
      }
    });
  }

  for (const version of versions) {
    const problems = schemas.get(version)!;
    const { model, placement, encodings } = everyGranularity(version);
    const whole = JSON.parse(encodingsJson(model, placement, encodings, { version, scheme: 'min-max' })) as Document;

    test(`the schema of ${version} takes every granularity and format, and the example of the specification`, async () => {
      assert.equal(problems(whole), []);
      assert.equal(problems(JSON.parse(await readFile(`fixtures/schemas/encodings-${version}.example.json`, 'utf8'))), []);
    });

    for (const [what, path, value] of nearMisses[version]) {
      test(`the schema of ${version} refuses ${what}`, () => assert.ok(problems(harmed(whole, path, value)).length > 0));
    }
  }
});

/** strict-symmetric grids are the one thing presets may ask for that 2.0.0 cannot say. */
function hasWords(version: EncodingsVersion, { quantizers }: Placement): boolean {
  return version !== '2.0.0' || quantizers.every(({ grid: { symmetry } }) => symmetry !== 'strict-symmetric');
}
