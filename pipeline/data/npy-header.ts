// The header of a .npy array: magic, version, length, and a Python dictionary as text.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

import { QuantpipeError } from '../base/errors.ts';
import type { DType } from '../base/tensor.ts';
import { take, type ByteReader } from './byte-reader.ts';

/** \x93NUMPY */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** Longest header believed; numpy itself warns beyond 10,000 bytes. */
const MAX_HEADER_BYTES = 1 << 16;

/** numpy's type codes that a column can hold. Big-endian, complex, text, date, record and object arrays are not among them. */
const DTYPES: Readonly<Record<string, DType>> = {
  '|b1': 'bool', '|i1': 'int8', '|u1': 'uint8', '<i1': 'int8', '<u1': 'uint8',
  '<i2': 'int16', '<u2': 'uint16', '<i4': 'int32', '<u4': 'uint32', '<i8': 'int64', '<u8': 'uint64',
  '<f2': 'float16', '<f4': 'float32', '<f8': 'float64',
};

/** What a .npy file says of its array, which follows the header in row-major order. */
export interface NpyHeader {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Read the header; `reader` then stands at the first value. */
export async function readNpyHeader(reader: ByteReader): Promise<NpyHeader> {
  const fail = (fact: string) => new QuantpipeError('data-invalid', `${reader.name} is not a .npy array that can be read: ${fact}`, { file: reader.name });
  const start = await take(reader, 8, 'the start of a .npy file');
  if (!isNpy(start)) throw fail('it does not begin with \\x93NUMPY');
  const major = start[6]!;
  if (major < 1 || major > 3) throw fail(`format version ${major} is unknown, versions 1 to 3 are known`);
  const lengthBytes = await take(reader, major === 1 ? 2 : 4, 'the header length of a .npy file');
  const length = lengthBytes.reduceRight((value, byte) => value * 256 + byte, 0);
  if (length > MAX_HEADER_BYTES) throw fail(`a header of ${length} bytes is declared, at most ${MAX_HEADER_BYTES} are read`);
  return parseHeader(new TextDecoder().decode(await take(reader, length, 'the header of a .npy file')), fail);
}

/** Whether a file that begins with these bytes is a .npy array. */
export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

function parseHeader(text: string, fail: (fact: string) => QuantpipeError): NpyHeader {
  const descr = /['"]descr['"]\s*:\s*(['"])(.*?)\1/.exec(text)?.[2];
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text)?.[1];
  const dims = /['"]shape['"]\s*:\s*\(([^)]*)\)/.exec(text)?.[1];
  if (descr === undefined) throw fail(/descr['"]\s*:\s*\[/.test(text) ? 'it holds records, columns must be plain arrays' : `its header names no type: ${text.slice(0, 80)}`);
  if (order === undefined || dims === undefined) throw fail(`its header names no order and shape: ${text.slice(0, 80)}`);
  const dtype = DTYPES[descr];
  if (dtype === undefined) throw fail(`type '${descr}' is not supported; supported are ${Object.keys(DTYPES).join(' ')}`);
  const shape = dims.split(',').map(dim => dim.trim()).filter(dim => dim !== '').map(dim => (/^\d+L?$/.test(dim) ? parseInt(dim, 10) : NaN));
  if (!shape.every(Number.isSafeInteger)) throw fail(`its shape is (${dims})`);
  if (order === 'True' && shape.length > 1) throw fail('it is in Fortran order; save it with numpy.ascontiguousarray');
  return { dtype, shape };
}
