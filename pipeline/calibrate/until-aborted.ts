/**
 * The items of `source` until the signal aborts: then it ends, even while it waits for an item (standard input may never send one).
 * Whoever iterates asks the signal why it ended.
 */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal?: AbortSignal): AsyncGenerator<T> {
  const items = source[Symbol.asyncIterator]();
  const { aborted, forget } = abortion(signal);
  try {
    for (;;) {
      const next = await Promise.race([items.next(), aborted]);
      if (next === 'aborted' || next.done) return;
      yield next.value;
    }
  } finally {
    forget();
    const closed = Promise.resolve(items.return?.());
    if (signal?.aborted) closed.catch(() => {}); // not awaited: it may still wait for its item, and closes when that comes
    else await closed;
  }
}

function abortion(signal?: AbortSignal): { readonly aborted: Promise<'aborted'>; readonly forget: () => void } {
  let abort = () => {};
  const aborted = new Promise<'aborted'>(resolve => { abort = () => resolve('aborted'); });
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  return { aborted, forget: () => signal?.removeEventListener('abort', abort) };
}
