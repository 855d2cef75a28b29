// Plain tar archives: 512 bytes of header, the content, zeros up to the next multiple of 512.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06

import { QuantpipeError } from '../base/errors.ts';
import { passOver, take, type ByteReader } from './byte-reader.ts';

export interface TarEntry {
  /** Path inside the archive, '/' between its parts; never absolute, never with '..'. */
  readonly name: string;
  /** Bytes of content, which follow. */
  readonly size: number;
  /** What it is where it has no content of its own that could be read; null for a plain file. */
  readonly unread: string | null;
}

export const TAR_BLOCK_BYTES = 512;
/** Longest pax header or long name believed. */
const MAX_EXTENSION_BYTES = 1 << 20;
/** Entries of plain files; '7' is for those that lie in one piece on a disk. */
const PLAIN_TYPES = ['0', '\0', '7'];
/** Entries that stand for a file, without its bytes in their place. */
const UNREAD_TYPES: Readonly<Record<string, string>> = { 1: 'a hard link', 2: 'a symbolic link', S: 'a sparse file' };
/** One for all texts: making it takes as long as reading a header. */
const utf8 = new TextDecoder(), latin1 = new TextDecoder('latin1');
/** The checksum counts itself as spaces. */
const [SUM_BEGIN, SUM_END] = [148, 156];

/** Whether these are the first bytes of an archive: there is no magic in all forms, but a checksum. */
export function isTar(block: Uint8Array): boolean {
  return block.length >= TAR_BLOCK_BYTES && block[0] !== 0 && octal(block, SUM_BEGIN, SUM_END) === checksum(block);
}

/** The files of an archive, whose end must be marked: without the mark nobody knows what is missing. The content of each must be read or passed over before the next is asked for; what is left of it is passed over here. */
export async function* tarEntries(reader: ByteReader): AsyncGenerator<TarEntry> {
  let extended: { readonly name?: string; readonly size?: number } = {};
  for (;;) {
    const at = reader.position;
    const block = await reader.upTo(TAR_BLOCK_BYTES);
    if (block.length === 0) throw invalid(reader, at, `it is cut short at byte ${at}: the empty blocks that mark the end are missing, and maybe files before them; make or copy it anew`);
    if (block.every(byte => byte === 0)) return checkEnd(reader, at);
    if (!isTar(block)) throw invalid(reader, at, block.length < TAR_BLOCK_BYTES ? `it is cut short: a header needs ${TAR_BLOCK_BYTES} bytes, ${block.length} are left` : 'a header does not have its checksum');
    const size = extended.size ?? sizeOf(block, reader, at);
    if (!Number.isSafeInteger(size) || size < 0 || (reader.left !== null && size > reader.left)) throw invalid(reader, at, `a file of ${size} bytes is declared, ${reader.left ?? 'fewer'} are left`);
    const begin = reader.position, end = begin + Math.ceil(size / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
    const type = String.fromCharCode(block[156]!);
    if (type === 'x' || type === 'L') {
      if (size > MAX_EXTENSION_BYTES) throw invalid(reader, at, `a header of ${size} bytes is declared, at most ${MAX_EXTENSION_BYTES} are read`);
      const bytes = await take(reader, size, 'a long name');
      extended = { ...extended, ...(type === 'L' ? { name: text(bytes) } : paxHeader(bytes)) };
    } else {
      const name = extended.name ?? nameOf(block);
      extended = {};
      const unread = UNREAD_TYPES[type] ?? null;
      if (unread !== null || PLAIN_TYPES.includes(type)) yield { name: checkName(name, reader, at), size, unread };
    }
    if (reader.position < end) await passOver(reader, Math.min(end - reader.position, reader.left ?? Infinity), 'a file of the archive');
  }
}

/** Behind the end there are but zeros, as many as the writer's tape wanted. Anything else is another archive, or what follows a hole. */
async function checkEnd(reader: ByteReader, end: number): Promise<void> {
  for (;;) {
    const at = reader.position;
    const block = await reader.upTo(TAR_BLOCK_BYTES);
    if (block.length === 0) return;
    const found = block.findIndex(byte => byte !== 0);
    if (found >= 0) throw invalid(reader, at + found, `it ends at byte ${end}, and more follows at byte ${at + found}: archives that were joined must be made one (tar --concatenate) or read as a folder of them, a damaged one made or copied anew`);
  }
}

function checkName(name: string, reader: ByteReader, at: number): string {
  if (name.startsWith('/') || name.split(/[/\\]/).includes('..')) throw invalid(reader, at, `it holds a file '${name}', which lies outside of it`);
  return name.replace(/^(\.\/)+/, '');
}

function nameOf(block: Uint8Array): string {
  const name = text(block.subarray(0, 100)), isUstar = text(block.subarray(257, 262)) === 'ustar', prefix = isUstar ? text(block.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Octal digits; or, where that has no room, a binary number after a byte of 128. */
function sizeOf(block: Uint8Array, reader: ByteReader, at: number): number {
  const size = block[124] === 128 ? block.subarray(125, 136).reduce((value, byte) => value * 256 + byte, 0) : octal(block, 124, 136);
  if (size === null) throw invalid(reader, at, 'a size is no number');
  return size;
}

function octal(block: Uint8Array, begin: number, end: number): number | null {
  const digits = text(block.subarray(begin, end)).trim();
  return /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : null;
}

function checksum(block: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < TAR_BLOCK_BYTES; i++) sum += i >= SUM_BEGIN && i < SUM_END ? 32 : block[i]!;
  return sum;
}

/** Records of the form "LENGTH KEY=VALUE\n", the length counting itself. */
function paxHeader(bytes: Uint8Array): { name?: string; size?: number } {
  const found: { name?: string; size?: number } = {};
  for (let at = 0; at < bytes.length;) {
    const [head = '', length = '0'] = /^(\d{1,7}) /.exec(latin1.decode(bytes.subarray(at, at + 8))) ?? [];
    if (Number(length) <= head.length) return found;
    const [, key, value = ''] = /^([^=]*)=([^]*)\n$/.exec(utf8.decode(bytes.subarray(at + head.length, at + Number(length)))) ?? [];
    if (key === 'path') found.name = value;
    if (key === 'size') found.size = Number(value);
    at += Number(length);
  }
  return found;
}

/** Up to the first zero. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return utf8.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function invalid(reader: ByteReader, offset: number, fact: string): QuantpipeError {
  return new QuantpipeError('data-invalid', `${reader.name} is not a valid tar archive: ${fact}`, { file: reader.name, offset });
}
