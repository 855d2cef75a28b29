import { QuantpipeError } from '../base/errors.ts';
import { FileBytes, type StoredBytes } from './byte-reader.ts';
import { HttpBytes, isAddress } from './http-bytes.ts';

/**
 * Open a file, or what lies behind an address, for reading at any offset.
 *
 * @param version what it was when the source was opened: what was told of it then holds for nothing else
 * @throws data-invalid naming both where it is another now
 */
export async function openBytes(path: string, version?: string | null): Promise<StoredBytes> {
  const bytes = await (isAddress(path) ? HttpBytes.open(path) : FileBytes.open(path));
  if (version === undefined || version === bytes.version) return bytes;
  await bytes.close();
  throw new QuantpipeError('data-invalid', `${path} changed after it was opened: ${version} then, ${bytes.version} now; start again when it stays as it is`, { file: path });
}
