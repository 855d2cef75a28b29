import { FileBytes, type StoredBytes } from './byte-reader.ts';
import { HttpBytes, isAddress } from './http-bytes.ts';

/** Open a file, or what lies behind an address, for reading at any offset. */
export function openBytes(path: string): Promise<StoredBytes> {
  return isAddress(path) ? HttpBytes.open(path) : FileBytes.open(path);
}
