import type { JsonPlace } from '../config/json-place.ts';
import { encodingOf, entriesByTensor, type EncodingsFile, Fields, type FileEntry, type FileLayout, integerAt, positiveAt, zeroWithoutCode } from './encodings-file.ts';
import { type Nested, nestedAt, nestedProduct, nestedLike } from './nested-numbers.ts';

/** The integer types that a file may name; "early" files have uint32 too. */
const INTEGER_TYPES = ['int2', 'uint2', 'int4', 'uint4', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32'] as const;
/** Types of codes that are floating-point numbers themselves: no grid has such. */
const FLOAT_TYPES = ['float4e2m1', 'float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz'] as const;

/** Largest dimension, and rank, that a tensor may have. */
const LARGEST_SIZE = 2 ** 31 - 1;
const LARGEST_RANK = 64;

/** AIMET's formats 2.0.0 and 2.1.0: one flat list in the words of ONNX's QuantizeLinear. 2.1.0 has scales that are quantized themselves. */
export function readEncodings200(root: JsonPlace): EncodingsFile {
  const sections = new Fields(root);
  const entries = entriesByTensor(sections.get('encodings').items().map(place => [new Fields(place).get('name').string(), entryAt(place)]));
  return { version: sections.get('version').string(), entries };
}

function entryAt(place: JsonPlace): FileEntry {
  const record = new Fields(place);
  const dtype = record.get('output_dtype').oneOf([...INTEGER_TYPES, ...FLOAT_TYPES]);
  if (isFloat(dtype)) throw record.get('output_dtype').error(`codes that are floating-point numbers (${dtype}) have no grid; they cannot be simulated`);
  const isSigned = dtype.startsWith('int');
  const bitwidth = Number(dtype.slice(isSigned ? 3 : 4));
  const scales = scalesOf(record);
  const layout = layoutOf(record, place, scales, bitwidth);
  const zeroPoints = zeroPointsOf(record, scales, isSigned ? -(2 ** (bitwidth - 1)) : 0, bitwidth);
  const isSymmetric = isSigned && zeroPoints.every(zeroPoint => zeroPoint === 0);
  const encodings = scales.values.map((delta, i) => encodingOf(delta, (isSigned ? -(2 ** (bitwidth - 1)) : 0) - zeroPoints[i]!, bitwidth, isSymmetric));
  return { kind: 'integer', place, layout, encodings: layout.kind === 'block' ? channelByChannel(encodings, scales.shape, layout) : encodings };
}

const isFloat = (dtype: string): dtype is (typeof FLOAT_TYPES)[number] => (FLOAT_TYPES as readonly string[]).includes(dtype);

/** Scales, and the multiples that they are of those of their channels (LPBQ), where they are such. */
interface Scales extends Nested {
  readonly largestMultiple: number | null;
}

function scalesOf(record: Fields): Scales {
  const multiples = record.find('per_block_int_scale');
  if (multiples !== null) return multiplied(nestedAt(multiples, multipleAt), nestedAt(record.get('per_channel_float_scale'), positiveAt));
  const scale = record.get('y_scale');
  if (typeof scale.value !== 'object' || scale.value === null || Array.isArray(scale.value)) return { ...nestedAt(scale, positiveAt), largestMultiple: null };
  return quantizedScales(new Fields(scale), scale);
}

const multipleAt = (place: JsonPlace): number => integerAt(place, 1, 2 ** 16 - 1);

function multiplied(multiples: Nested, scales: Nested): Scales {
  return { ...nestedProduct(multiples, scales), largestMultiple: multiples.values.reduce((most, multiple) => Math.max(most, multiple), 1) };
}

/** 2.1.0: y_scale = (x - x_zero_point) * x_scale. Whole numbers times a scale per channel are LPBQ. */
function quantizedScales(fields: Fields, place: JsonPlace): Scales {
  if (fields.find('input_dtype') !== null && isFloat(String(fields.get('input_dtype').value))) {
    throw fields.get('input_dtype').error('scales that are floating-point codes cannot be read');
  }
  const x = nestedAt(fields.get('x'), at => integerAt(at, -(2 ** 31), 2 ** 32 - 1));
  const axis = fields.find('axis') === null ? null : counted(axisAt(fields.get('axis')), x.shape.length);
  const zeroPoint = fields.find('x_zero_point');
  const zeroPoints = zeroPoint === null ? null : nestedLike(nestedAt(zeroPoint, at => integerAt(at, -(2 ** 31), 2 ** 32 - 1)), x, axis);
  const multiples = { ...x, values: x.values.map((value, i) => value - (zeroPoints?.values[i] ?? 0)) };
  const bad = multiples.values.findIndex(value => value <= 0);
  if (bad >= 0) throw place.error(`scale ${bad} would be ${multiples.values[bad]} times x_scale: scales are positive`);
  return multiplied(multiples, nestedLike(nestedAt(fields.get('x_scale'), positiveAt), x, axis));
}

/** A negative axis counts from the end. */
const axisAt = (place: JsonPlace): number => integerAt(place, -LARGEST_RANK, LARGEST_RANK - 1);

const counted = (axis: number, rank: number): number => axis < 0 ? axis + rank : axis;

function layoutOf(record: Fields, place: JsonPlace, { shape, largestMultiple }: Scales, bitwidth: number): FileLayout {
  if (shape.length === 0) return { kind: 'tensor' };
  const axis = axisAt(record.get('axis'));
  const blockSize = record.find('block_size');
  if (blockSize === null) {
    if (shape.length !== 1) throw place.error(`one scale per channel is a flat list, got ${shape.length} levels; or 'block_size' is missing`);
    return { kind: 'channel', axis };
  }
  const blockAxis = counted(axis, shape.length); // scales of blocks have the tensor's rank
  const channelAxis = channelAxisOf(place, shape, blockAxis);
  const decompressedBitwidth = largestMultiple === null ? null : bitwidth + Math.ceil(Math.log2(largestMultiple));
  return { kind: 'block', axis: blockAxis, channelAxis, blockSize: integerAt(blockSize, 1, LARGEST_SIZE), decompressedBitwidth };
}

/** Scales of blocks have the tensor's rank: the dimension that is longer than 1, besides that of the blocks, has the channels. */
function channelAxisOf(place: JsonPlace, shape: readonly number[], axis: number): number {
  if (shape.length < 2 || axis < 0 || axis >= shape.length) throw place.error(`blocks along axis ${axis} need scales of at least 2 dimensions, one of them that axis; got [${shape.join(', ')}]`);
  const others = shape.map((_, at) => at).filter(at => at !== axis);
  const long = others.filter(at => shape[at]! > 1);
  if (long.length > 1) throw place.error(`blocks have one dimension of channels, got scales of shape [${shape.join(', ')}] with blocks along axis ${axis}`);
  return long[0] ?? others[0]!;
}

function zeroPointsOf(record: Fields, scales: Nested, lowest: number, bitwidth: number): readonly number[] {
  const place = record.find('y_zero_point');
  if (place === null) return scales.values.map(() => 0);
  return nestedLike(nestedAt(place, at => zeroPointAt(at, lowest, bitwidth)), scales, null).values;
}

function zeroPointAt(place: JsonPlace, lowest: number, bitwidth: number): number {
  if (typeof place.value === 'number' && !Number.isInteger(place.value)) throw zeroWithoutCode(place, `of ${place.value}`);
  return integerAt(place, lowest, lowest + 2 ** bitwidth - 1);
}

/** Row-major in the tensor's dimensions, in the order of channels, and of the blocks of each. */
function channelByChannel<T>(values: readonly T[], shape: readonly number[], { axis, channelAxis }: FileLayout & { kind: 'block' }): T[] {
  const [along, across] = [axis!, channelAxis!];
  const stride = (at: number) => shape.slice(at + 1).reduce((product, size) => product * size, 1);
  return Array.from({ length: values.length }, (_, i) => values[Math.floor(i / shape[along]!) * stride(across) + (i % shape[along]!) * stride(along)]!);
}
