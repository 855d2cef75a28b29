import type { JsonPlace } from '../config/json-place.ts';
import type { Encoding } from '../quant/encoding.ts';
import { bitwidthAt, encodingAt, encodingOf, entriesByTensor, type EncodingsFile, Fields, type FileEntry, type FileLayout, integerAt, onOneGrid, positiveAt, zeroWithoutCode } from './encodings-file.ts';
import { nestedAt } from './nested-numbers.ts';

/** Largest uint16: what a multiple of LPBQ may be. */
const LARGEST_MULTIPLE = 2 ** 16 - 1;
/** Largest block size: no dimension is longer. */
const LARGEST_BLOCK = 2 ** 31 - 1;

/** AIMET's format 1.0.0: a list of records for activations and one for parameters. */
export function readEncodings100(root: JsonPlace): EncodingsFile {
  const sections = new Fields(root);
  const records = ['activation_encodings', 'param_encodings'].flatMap(name => sections.get(name).items());
  return { version: '1.0.0', entries: entriesByTensor(records.map(place => [new Fields(place).get('name').string(), entryAt(place)])) };
}

function entryAt(place: JsonPlace): FileEntry {
  const record = new Fields(place);
  if (record.get('dtype').oneOf(['INT', 'FLOAT']) === 'FLOAT') {
    record.get('enc_type').oneOf(['PER_TENSOR']);
    record.get('bw').oneOf([16]);
    return { kind: 'float', place, format: 'float16' };
  }
  refuseShift(record);
  const type = record.get('enc_type').oneOf(['PER_TENSOR', 'PER_CHANNEL', 'PER_BLOCK', 'LPBQ']);
  return { kind: 'integer', place, ...(type === 'LPBQ' ? multiplied(record) : listed(record, type)) };
}

/** AIMET may put zero between two codes. */
function refuseShift(record: Fields): void {
  const shift = record.find('zero_point_shift');
  if (shift === null || shift.value === null) return;
  const shifted = nestedAt(shift, place => place.number()).values.find(value => value !== 0);
  if (shifted !== undefined) throw zeroWithoutCode(shift, `shifted by ${shifted}`);
}

function listed(record: Fields, type: 'PER_TENSOR' | 'PER_CHANNEL' | 'PER_BLOCK'): { layout: FileLayout; encodings: Encoding[] } {
  const bitwidth = bitwidthAt(record.get('bw'));
  const isSymmetric = record.get('is_sym').boolean();
  const scales = someAt(record.get('scale'));
  const offsets = asManyAt(record.get('offset'), scales.length, 'scale');
  if (type === 'PER_TENSOR' && scales.length !== 1) throw record.get('scale').error(`PER_TENSOR has 1 value, got ${scales.length}`);
  const encodings = onOneGrid(record.get('offset'), scales.map((scale, i) => encodingAt(scale, offsets[i]!, bitwidth, isSymmetric)));
  switch (type) {
    case 'PER_TENSOR': return { layout: { kind: 'tensor' }, encodings };
    case 'PER_CHANNEL': return { layout: { kind: 'channel', axis: null }, encodings };
    case 'PER_BLOCK': return { layout: blocksOf(record, null), encodings };
  }
}

/** LPBQ: `bw` is that of codes times multiples, and `scale` has one value per channel. */
function multiplied(record: Fields): { layout: FileLayout; encodings: Encoding[] } {
  const decompressedBitwidth = bitwidthAt(record.get('bw'));
  const bitwidth = integerAt(record.get('compressed_bw'), 2, decompressedBitwidth);
  if (!record.get('is_sym').boolean()) throw record.get('is_sym').expected('true: LPBQ is symmetric');
  const scales = someAt(record.get('scale')).map(positiveAt);
  const centre = -(2 ** (decompressedBitwidth - 1));
  for (const offset of asManyAt(record.get('offset'), scales.length, 'scale')) integerAt(offset, centre, centre);
  const multiples = someAt(record.get('per_block_int_scale'));
  const blocks = multiples.length / scales.length;
  if (!Number.isInteger(blocks)) throw record.get('per_block_int_scale').error(`${multiples.length} blocks do not divide among ${scales.length} channels`);
  const encodings = multiples.map((multiple, i) => encodingOf(integerAt(multiple, 1, LARGEST_MULTIPLE) * scales[Math.floor(i / blocks)]!, -(2 ** (bitwidth - 1)), bitwidth, true));
  return { layout: blocksOf(record, decompressedBitwidth), encodings };
}

function blocksOf(record: Fields, decompressedBitwidth: number | null): FileLayout {
  return { kind: 'block', axis: null, channelAxis: null, blockSize: integerAt(record.get('block_size'), 1, LARGEST_BLOCK), decompressedBitwidth };
}

function someAt(place: JsonPlace): JsonPlace[] {
  const items = place.items();
  if (items.length === 0) throw place.expected('at least one value');
  return items;
}

function asManyAt(place: JsonPlace, count: number, as: string): JsonPlace[] {
  const items = place.items();
  if (items.length !== count) throw place.error(`has ${items.length} values, ${as} has ${count}`);
  return items;
}
