import { QuantpipeError } from '../base/errors.ts';
import type { EncodingTable } from '../config/placement.ts';
import type { Encoding } from '../quant/encoding.ts';
import { type Grid, grid, steps, type Symmetry } from '../quant/grid.ts';

/** What an encodings file holds. */
export interface EncodingsFile {
  readonly version: string;
  readonly activations: EncodingTable;
  /** Weights and int32 biases. */
  readonly parameters: EncodingTable;
}

const readers: Readonly<Record<string, (json: Json, where: string) => EncodingsFile>> = {
  '1.0.0': read100,
};

/**
 * Read an encodings file.
 *
 * @param where how messages call the file
 * @throws QuantpipeError `statistics-invalid` with the place in the file
 */
export function readEncodings(text: string, where: string): EncodingsFile {
  const json = parse(text, where);
  const version = String(json['version'] ?? 'none');
  const reader = readers[version];
  if (reader === undefined) throw invalid(where, `version must be ${Object.keys(readers).map(name => `'${name}'`).join(' or ')}, got '${version}'`);
  return reader(json, where);
}

type Json = Readonly<Record<string, unknown>>;

function read100(json: Json, where: string): EncodingsFile {
  const table = (key: string) => tableOf(json[key], `${where}: ${key}`);
  return { version: '1.0.0', activations: table('activation_encodings'), parameters: table('param_encodings') };
}

function tableOf(records: unknown, where: string): EncodingTable {
  if (!Array.isArray(records)) throw invalid(where, `must be a list, got ${kindOf(records)}`);
  const table = new Map<string, Encoding[]>();
  records.forEach((record: unknown, i) => {
    const place = `${where}[${i}]`;
    const fields = objectOf(record, place);
    const name = fields['name'];
    if (typeof name !== 'string') throw invalid(place, `name must be a string, got ${kindOf(name)}`);
    if (table.has(name)) throw invalid(place, `'${name}' has an entry already`);
    table.set(name, encodingsOf100(fields, `${place} ('${name}')`));
  });
  return table;
}

function encodingsOf100(fields: Json, where: string): Encoding[] {
  const { enc_type: type, dtype, bw } = fields as { enc_type?: unknown; dtype?: unknown; bw?: unknown };
  if (type !== 'PER_TENSOR' && type !== 'PER_CHANNEL') throw invalid(where, `enc_type must be 'PER_TENSOR' or 'PER_CHANNEL', got '${String(type)}'`);
  if (dtype !== 'INT') throw invalid(where, `dtype must be 'INT', got '${String(dtype)}'`);
  if (typeof fields['is_sym'] !== 'boolean') throw invalid(where, `is_sym must be true or false, got ${kindOf(fields['is_sym'])}`);
  if (typeof bw !== 'number' || !Number.isInteger(bw) || bw < 2 || bw > 32) throw invalid(where, `bw must be an integer from 2 to 32, got ${String(bw)}`);
  const scales = numbersOf(fields['scale'], `${where}: scale`), offsets = numbersOf(fields['offset'], `${where}: offset`);
  if (scales.length !== offsets.length) throw invalid(where, `scale has ${scales.length} values, offset has ${offsets.length}`);
  if (scales.length === 0 || (type === 'PER_TENSOR' && scales.length !== 1)) throw invalid(where, `${type} with ${scales.length} scales`);
  return scales.map((delta, i) => encodingFrom(delta, offsets[i]!, bw, fields['is_sym'] as boolean, `${where}: channel ${i}`));
}

/** The file names no symmetry beyond `is_sym`; the offset tells which kind it is. */
export function symmetryOf(offset: number, bitwidth: number, isSymmetric: boolean): Symmetry {
  if (!isSymmetric) return 'asymmetric';
  if (offset === 0) return 'unsigned-symmetric';
  return offset === -(2 ** (bitwidth - 1)) + 1 ? 'strict-symmetric' : 'symmetric';
}

function encodingFrom(delta: number, offset: number, bitwidth: number, isSymmetric: boolean, where: string): Encoding {
  const codes: Grid = grid(bitwidth, symmetryOf(offset, bitwidth, isSymmetric));
  if (!(delta > 0 && Number.isFinite(delta))) throw invalid(where, `scale must be a positive number, got ${delta}`);
  if (!Number.isInteger(offset) || offset > 0 || offset < -steps(codes)) throw invalid(where, `offset must be an integer from ${-steps(codes)} to 0, got ${offset}`);
  return { delta, offset, min: delta * offset, max: delta * (steps(codes) + offset), grid: codes };
}

function parse(text: string, where: string): Json {
  try {
    return objectOf(JSON.parse(text), where);
  } catch (error) {
    if (error instanceof SyntaxError) throw new QuantpipeError('statistics-invalid', `${where}: not JSON: ${error.message}`, {}, { cause: error });
    throw error;
  }
}

function objectOf(value: unknown, where: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(where, `must be an object, got ${kindOf(value)}`);
  return value as Json;
}

function numbersOf(value: unknown, where: string): number[] {
  if (!Array.isArray(value)) throw invalid(where, `must be a list, got ${kindOf(value)}`);
  return value.map((item: unknown, i) => {
    if (typeof item !== 'number') throw invalid(`${where}[${i}]`, `must be a number, got ${kindOf(item)}`);
    return item;
  });
}

const kindOf = (value: unknown): string => value === null ? 'null' : Array.isArray(value) ? 'a list' : value === undefined ? 'nothing' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;

const invalid = (where: string, claim: string): QuantpipeError => new QuantpipeError('statistics-invalid', `${where}: ${claim}`);
