import { constants, open } from 'node:fs';
import { Socket } from 'node:net';
import { promisify } from 'node:util';

import { unreadable } from '../base/text-file.ts';

const openDescriptor = promisify(open);

/**
 * What is written into a named pipe. Until somebody opens it for writing, and while nobody writes, no thread is blocked: to open it as a file is
 * would keep a thread that nothing can stop, and the process with it. Only a reader that waits for bytes keeps the process alive.
 *
 * @param signal aborting it ends the waiting, with its reason
 * @throws file-unreadable naming the system's reason
 */
export async function openNamedPipe(path: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const descriptor = await openDescriptor(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(cause => { throw unreadable(path, cause); });
  const socket = new Socket({ fd: descriptor, readable: true, writable: false });
  socket.unref();
  return chunksOf(destroyedBy(signal, socket), socket);
}

async function* chunksOf(stream: AsyncIterable<Uint8Array>, socket: Socket): AsyncGenerator<Uint8Array> {
  const chunks = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      socket.ref();
      const { done, value } = await chunks.next();
      socket.unref();
      if (done) return;
      yield value;
    }
  } finally {
    socket.destroy();
  }
}

interface Destroyable {
  destroy(error?: Error): unknown;
  on(event: 'error', listener: () => void): unknown;
  once(event: 'close' | 'end', listener: () => void): unknown;
}

/** The stream, which ends with the signal's reason when that is aborted, also while it is waited for. */
export function destroyedBy<T extends object>(signal: AbortSignal | undefined, stream: T): T {
  if (signal === undefined || !('destroy' in stream)) return stream;
  const destroyable = stream as T & Destroyable;
  destroyable.on('error', () => {}); // whoever reads is told, and nobody may be reading
  const destroy = () => destroyable.destroy(signal.reason as Error);
  if (signal.aborted) {
    destroy();
    return stream;
  }
  signal.addEventListener('abort', destroy, { once: true });
  for (const end of ['close', 'end'] as const) destroyable.once(end, () => signal.removeEventListener('abort', destroy)); // a signal may outlive many streams
  return stream;
}
