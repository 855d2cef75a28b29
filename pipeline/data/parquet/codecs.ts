import { brotliDecompressSync, gunzipSync } from 'node:zlib';

import lz4 from 'lz4js';

import { decodeZstd } from '../codecs.ts';
import { snappyUncompress } from './hyparquet.ts';

/** How each codec unpacks a page whose size is known: never to more. */
const codecs: Readonly<Record<string, (bytes: Uint8Array, size: number) => Uint8Array>> = {
  UNCOMPRESSED: bytes => bytes,
  SNAPPY: (bytes, size) => {
    const page = new Uint8Array(size);
    snappyUncompress(bytes, page);
    return page;
  },
  GZIP: (bytes, size) => gunzipSync(bytes, { maxOutputLength: Math.max(1, size) }),
  BROTLI: (bytes, size) => brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, size) }),
  ZSTD: decodeZstd,
  LZ4_RAW: lz4Block,
  LZ4: lz4Framed,
};

/** @throws RangeError and others for bytes that do not unpack to that size */
export function decompress(bytes: Uint8Array, size: number, codec: string): Uint8Array {
  const decode = codecs[codec];
  if (decode === undefined) throw new RangeError(`codec ${codec} is not read`);
  const page = decode(bytes, size);
  if (page.length !== size) throw new RangeError(`a page unpacks to ${page.length} bytes, ${size} are declared`);
  return page;
}

function lz4Block(bytes: Uint8Array, size: number): Uint8Array {
  const page = new Uint8Array(size);
  const length = lz4.decompressBlock(bytes, page, 0, bytes.length, 0);
  if (length !== size) throw new RangeError(`a page unpacks to ${length} bytes, ${size} are declared`);
  return page;
}

/** The deprecated form, by Hadoop: blocks, each after its two sizes as big-endian integers. Some writers left those out. */
function lz4Framed(bytes: Uint8Array, size: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pieces: Uint8Array[] = [];
  let left = size;
  for (let at = 0; at < bytes.length;) {
    const unpacked = bytes.length - at >= 8 ? view.getUint32(at) : Infinity, stored = bytes.length - at >= 8 ? view.getUint32(at + 4) : Infinity;
    if (unpacked > left || stored > bytes.length - at - 8) return lz4Block(bytes, size);
    pieces.push(lz4Block(bytes.subarray(at + 8, at + 8 + stored), unpacked));
    at += 8 + stored;
    left -= unpacked;
  }
  return new Uint8Array(Buffer.concat(pieces));
}
