/**
 * Apply `task` to every item, at most `limit()` at a time, and yield the results in the order of the
 * items. It pulls from `source` only when a slot is free, so a slow consumer slows the reader. The limit may change on the way.
 *
 * If a task fails, or the consumer stops early, the source is closed and no further task starts.
 */
export async function* orderedMap<In, Out>(source: AsyncIterable<In>, limit: () => number, task: (item: In) => Promise<Out>): AsyncGenerator<Out> {
  const running: Promise<Out>[] = [];
  try {
    for await (const item of source) {
      const result = task(item);
      result.catch(() => {}); // reported when its turn comes; until then it must not count as unhandled
      running.push(result);
      while (running.length >= limit()) yield await running.shift()!;
    }
    while (running.length > 0) yield await running.shift()!;
  } finally {
    await Promise.allSettled(running);
  }
}
