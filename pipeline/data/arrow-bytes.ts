import { checkFooter, checkMessage, type Block } from './flatbuffer-bounds.ts';

const MAGIC = [...'ARROW1'].map(letter => letter.charCodeAt(0));
/** What lies behind the footer of a file: its length, and the magic word. */
const TRAILER_BYTES = 4 + MAGIC.length;
/** Before a message's length; streams older than Arrow 0.15 have none. */
const CONTINUATION = 0xffff_ffff;

/**
 * Check a whole Arrow IPC file or stream before apache-arrow reads it: that every message and everything it points at lies within
 * the bytes, and that the end is there, so that a file cut short does not pass for one of fewer batches.
 *
 * @throws RangeError naming what lies outside
 */
export function checkArrow(bytes: Uint8Array): void {
  if (isArrowFile(bytes)) checkFile(bytes);
  else checkStream(bytes);
}

function isArrowFile(bytes: Uint8Array): boolean {
  return MAGIC.every((letter, i) => bytes[i] === letter);
}

function checkFile(bytes: Uint8Array): void {
  if (!isArrowFile(bytes.subarray(-MAGIC.length))) throw new RangeError('its end is missing');
  const footerEnd = bytes.length - TRAILER_BYTES;
  const footer = part(bytes, footerEnd - uint32(bytes, footerEnd), footerEnd, 'footer');
  for (const block of checkFooter(footer)) checkBlock(bytes, block);
}

/** A message of another type than the footer says would be read for ever: apache-arrow waits there for its batch. */
function checkBlock(bytes: Uint8Array, { start, headBytes, bodyBytes, type }: Block): void {
  const head = part(bytes, start, start + headBytes, 'message');
  part(bytes, start + headBytes, start + headBytes + bodyBytes, 'message body');
  const lengthAt = uint32(head, 0) === CONTINUATION ? 4 : 0;
  const message = checkMessage(part(head, lengthAt + 4, lengthAt + 4 + uint32(head, lengthAt), 'message'));
  if (message.type !== type) throw new RangeError(`a ${type} is declared where a ${message.type} lies`);
}

function checkStream(bytes: Uint8Array): void {
  for (let at = 0; ;) {
    if (at === bytes.length) throw new RangeError('its end is missing');
    if (uint32(bytes, at) === CONTINUATION) at += 4;
    const length = uint32(bytes, at), bodyAt = at + 4 + length;
    if (length === 0) return;
    const { bodyBytes } = checkMessage(part(bytes, at + 4, bodyAt, 'message'));
    part(bytes, bodyAt, bodyAt + bodyBytes, 'message body');
    at = bodyAt + bodyBytes;
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  part(bytes, at, at + 4, 'length');
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
}

function part(bytes: Uint8Array, start: number, end: number, what: string): Uint8Array {
  if (start >= 0 && start <= end && end <= bytes.length) return bytes.subarray(start, end);
  throw new RangeError(`a ${what} is declared from byte ${start} to ${end} of ${bytes.length}`);
}
