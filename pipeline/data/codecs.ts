import { CompressionType, compressionRegistry } from 'apache-arrow';
import { Decompress } from 'fzstd';
import lz4 from 'lz4js';

/** LZ4 cannot shrink by more, whatever a frame declares: a length byte stands for at most 255 values. */
const MAX_LZ4_RATIO = 255;
/** ZSTD can shrink a gigabyte to nothing, so its output is limited: no column of one record batch needs more. */
const MAX_BUFFER_BYTES = 2 ** 31;

/** Teach apache-arrow to read LZ4 and ZSTD buffers, and to write LZ4 ones; it ships without any codec. */
export function registerCodecs(): void {
  compressionRegistry.set(CompressionType.LZ4_FRAME, { encode: bytes => lz4.compress(bytes), decode: decodeLz4 });
  compressionRegistry.set(CompressionType.ZSTD, { decode: bytes => decodeZstd(bytes) });
}

/** Frames rarely tell their size, only that of their blocks, 4 MiB: so they are decoded here and copied out. Grows, never shrinks. */
let scratch = new Uint8Array(0);

function decodeLz4(frame: Uint8Array): Uint8Array {
  checkLz4Blocks(frame);
  const bound = Math.min(lz4.decompressBound(frame), frame.length * MAX_LZ4_RATIO);
  if (scratch.length < bound) scratch = new Uint8Array(bound);
  const length = lz4.decompressFrame(frame, scratch);
  if (length > bound) throw new RangeError(`an LZ4 frame that declares at most ${bound} bytes unpacks to ${length}`);
  return scratch.slice(0, length);
}

/**
 * Check that the blocks of an LZ4 frame lie inside it: lz4js copies what a block declares, be it there or not.
 * Frame: magic (4 bytes), flags, block size, content size (8, by a flag), checksum (1), then blocks of u32 size, data and checksum (4, by a flag).
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 */
function checkLz4Blocks(frame: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const flags = view.getUint8(4);
  const checksumBytes = flags & 0x10 ? 4 : 0;
  let at = flags & 0x08 ? 15 : 7;
  for (let size = view.getUint32(at, true); size !== 0; size = view.getUint32(at, true)) {
    const stored = size & 0x7fffffff; // the highest bit says whether it is compressed
    at += 4 + stored + checksumBytes;
    if (at + 4 > frame.length) throw new RangeError(`an LZ4 block of ${stored} bytes ends at byte ${at}, its frame has ${frame.length}`);
  }
}

/** Decode a ZSTD frame into a buffer of its own: values are then aligned, as Arrow needs them. */
export function decodeZstd(frame: Uint8Array, limit = MAX_BUFFER_BYTES): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  new Decompress(chunk => {
    length += chunk.length;
    if (length > limit) throw new RangeError(`a ZSTD buffer of ${frame.length} bytes unpacks to more than ${limit}`);
    chunks.push(chunk);
  }).push(frame, true);
  return new Uint8Array(Buffer.concat(chunks, length));
}
