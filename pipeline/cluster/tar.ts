/** A file of an archive: where it stands in it, with `/`, and what it holds. */
export interface TarEntry {
  readonly path: string;
  readonly bytes: Uint8Array;
}

const RECORD_BYTES = 512;
/** Longest name and prefix of a ustar header. */
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;

/** Files as a POSIX ustar archive, piece by piece. The same files give the same bytes: there are no times and no owners in it. */
export function* tar(entries: Iterable<TarEntry>): Generator<Uint8Array> {
  for (const { path, bytes } of entries) {
    yield header(path, bytes.length);
    yield bytes;
    yield new Uint8Array(-bytes.length & (RECORD_BYTES - 1));
  }
  yield new Uint8Array(2 * RECORD_BYTES);
}

/**
 *     0 name[100]    100 mode[8]    108 uid[8]    116 gid[8]    124 size[12]    136 mtime[12]    148 checksum[8]
 *   156 type '0'     257 'ustar\0' '00'           345 prefix[155]
 * Numbers are octal text; the checksum is the sum of all bytes, taken with spaces in its own place.
 */
function header(path: string, size: number): Uint8Array {
  const { prefix, name } = splitPath(path);
  const record = Buffer.alloc(RECORD_BYTES);
  const fields: readonly (readonly [at: number, text: string])[] = [
    [0, name], [100, '0000644\0'], [108, '0000000\0'], [116, '0000000\0'], [124, `${size.toString(8).padStart(11, '0')}\0`], [136, '00000000000\0'],
    [148, ' '.repeat(8)], [156, '0'], [257, 'ustar\u000000'], [345, prefix],
  ];
  for (const [at, text] of fields) record.write(text, at);
  const sum = record.reduce((sum, byte) => sum + byte, 0);
  record.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return record;
}

function splitPath(path: string): { prefix: string; name: string } {
  if (Buffer.byteLength(path) <= NAME_BYTES) return { prefix: '', name: path };
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const prefix = path.slice(0, at), name = path.slice(at + 1);
    if (Buffer.byteLength(prefix) <= PREFIX_BYTES && Buffer.byteLength(name) <= NAME_BYTES) return { prefix, name };
  }
  throw new RangeError(`'${path}' is too long for an archive: at most ${NAME_BYTES} bytes after a '/' and ${PREFIX_BYTES} before`);
}
