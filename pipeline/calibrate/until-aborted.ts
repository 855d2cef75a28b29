/**
 * The items of `source` until the signal aborts: then it ends, even while it waits for an item (standard input may never send one).
 * Whoever iterates asks the signal why it ended.
 */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal?: AbortSignal): AsyncGenerator<T> {
  const items = source[Symbol.asyncIterator]();
  let stopWaiting = () => {};
  const abort = () => stopWaiting();
  signal?.addEventListener('abort', abort);
  try {
    while (!signal?.aborted) {
      // Not a race with one promise of the abortion: that would hold on to every item until the end.
      const next = await new Promise<IteratorResult<T> | null>((resolve, reject) => {
        stopWaiting = () => resolve(null);
        items.next().then(resolve, reject);
      });
      if (next === null || next.done) return;
      yield next.value;
    }
  } finally {
    signal?.removeEventListener('abort', abort);
    const closed = Promise.resolve(items.return?.());
    if (signal?.aborted) closed.catch(() => {}); // not awaited: it may still wait for its item, and closes when that comes
    else await closed;
  }
}
