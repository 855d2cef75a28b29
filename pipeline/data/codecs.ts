import { CompressionType, compressionRegistry } from 'apache-arrow';
import { decompress as decompressZstd } from 'fzstd';
import lz4 from 'lz4js';

/** Teach apache-arrow to read LZ4 and ZSTD buffers, and to write LZ4 ones; it ships without any codec. */
export function registerCodecs(): void {
  compressionRegistry.set(CompressionType.LZ4_FRAME, { encode: bytes => lz4.compress(bytes), decode: bytes => lz4.decompress(bytes) });
  compressionRegistry.set(CompressionType.ZSTD, { decode: bytes => decompressZstd(bytes) });
}
