// Small plain PNG images, decoded here: for an image of a few hundred pixels a general library takes about a millisecond, of which decoding
// is a fiftieth. https://www.w3.org/TR/png-3/

import { inflateSync } from 'node:zlib';

import { crc32 } from '../crc32.ts';
import type { Pixels } from './decode-image.ts';

/** Larger ones are better decoded beside the main thread. */
const MOST_BYTES = 1 << 15;
const SIGNATURE = '89504e470d0a1a0a';
/** Bytes of a chunk beside its data: length, type, checksum. */
const CHUNK_BYTES = 12;
/** Least room that zlib may be given; its own 16 KiB take longer to get than a small image to decode. */
const LEAST_CHUNK = 64;
/** Channels by colour type: gray, RGB, palette, gray and alpha, RGB and alpha. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** Chunks that change no pixel, transparency aside, which is dropped. */
const PASSED_OVER = new Set(['tEXt', 'zTXt', 'iTXt', 'pHYs', 'tIME', 'bKGD', 'sBIT', 'sRGB', 'tRNS']);

/** The pixels of a small PNG image of 8 bits; null where it is anything else or has any fault, which the library will tell. */
export function decodeSmallPng(bytes: Uint8Array): Pixels | null {
  const chunks = readChunks(bytes);
  if (chunks === null) return null;
  const { header, palette, data } = chunks;
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const [width, height, colour] = [view.getUint32(0), view.getUint32(4), header[9]!];
  const channels = CHANNELS[colour];
  const isPlain = header[8] === 8 && header[10] === 0 && header[11] === 0 && header[12] === 0;
  if (channels === undefined || !isPlain || width === 0 || height === 0 || height * (1 + width * channels) > MOST_BYTES) return null;
  if ((colour === 3) !== (palette !== null)) return null;
  const rows = inflated(data, height * (1 + width * channels));
  if (rows === null || !unfilter(rows, height, width * channels, channels)) return null;
  return palette === null ? withoutAlpha(rows, height, width, channels) : coloured(rows, height, width, palette);
}

interface Chunks {
  readonly header: Uint8Array;
  readonly palette: Uint8Array | null;
  readonly data: Uint8Array;
}

/** null where there are others, or they are damaged or out of order. */
function readChunks(bytes: Uint8Array): Chunks | null {
  if (Buffer.from(bytes.subarray(0, 8)).toString('hex') !== SIGNATURE) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let header: Uint8Array | null = null, palette: Uint8Array | null = null;
  const data: Uint8Array[] = [];
  for (let at = 8; at + CHUNK_BYTES <= bytes.length;) {
    const length = view.getUint32(at), end = at + CHUNK_BYTES + length;
    if (end > bytes.length || crc32(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4)) return null;
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8)), content = bytes.subarray(at + 8, end - 4);
    if (type === 'IEND') return header !== null && data.length > 0 ? { header, palette, data: data.length === 1 ? data[0]! : Buffer.concat(data) } : null;
    if ((type === 'IHDR') !== (header === null)) return null;
    if (type === 'IHDR' && length === 13) header = content;
    else if (type === 'PLTE' && palette === null && length % 3 === 0) palette = content;
    else if (type === 'IDAT') data.push(content);
    else if (!PASSED_OVER.has(type)) return null;
    at = end;
  }
  return null;
}

function inflated(data: Uint8Array, length: number): Uint8Array | null {
  try {
    const rows = inflateSync(data, { maxOutputLength: length, chunkSize: Math.max(LEAST_CHUNK, length) });
    return rows.length === length ? rows : null;
  } catch {
    return null;
  }
}

/** Undo the filter of each row, in place; the byte before a row names it. Whether all are known. */
function unfilter(rows: Uint8Array, height: number, stride: number, step: number): boolean {
  for (let y = 0, at = 0; y < height; y++) {
    const filter = rows[at++]!, above = at - stride - 1;
    if (filter > 4) return false;
    for (let x = 0; filter > 0 && x < stride; x++) {
      const left = x < step ? 0 : rows[at + x - step]!, up = y === 0 ? 0 : rows[above + x]!;
      const corner = x < step || y === 0 ? 0 : rows[above + x - step]!;
      rows[at + x]! += filter === 1 ? left : filter === 2 ? up : filter === 3 ? (left + up) >> 1 : paeth(left, up, corner);
    }
    at += stride;
  }
  return true;
}

/** The neighbour that is nearest to left + up - corner. */
function paeth(left: number, up: number, corner: number): number {
  const toLeft = Math.abs(up - corner), toUp = Math.abs(left - corner), toCorner = Math.abs(left + up - 2 * corner);
  return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
}

function withoutAlpha(rows: Uint8Array, height: number, width: number, step: number): Pixels {
  const channels = step < 3 ? 1 : 3;
  const data = new Uint8Array(height * width * channels);
  for (let y = 0, from = 0, to = 0; y < height; y++) {
    from++;
    if (step === channels) {
      data.set(rows.subarray(from, from += width * step), to);
      to += width * step;
    } else {
      for (let x = 0; x < width; x++, from += step) for (let c = 0; c < channels; c++) data[to++] = rows[from + c]!;
    }
  }
  return { height, width, channels, data };
}

/** null where a pixel has no colour. */
function coloured(rows: Uint8Array, height: number, width: number, palette: Uint8Array): Pixels | null {
  const data = new Uint8Array(height * width * 3);
  for (let y = 0, from = 0, to = 0; y < height; y++) {
    from++;
    for (let x = 0; x < width; x++) {
      const colour = 3 * rows[from++]!;
      if (colour >= palette.length) return null;
      for (let c = 0; c < 3; c++) data[to++] = palette[colour + c]!;
    }
  }
  return { height, width, channels: 3, data };
}
