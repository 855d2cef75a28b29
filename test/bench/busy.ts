import { setTimeout } from 'node:timers/promises';

/** Name of the channel on which timed workers tell of their tasks. */
export const TIMES = 'quantpipe.bench.times';
/** The module of workers that do. */
export const timedWorker = new URL('./timed-worker.js', import.meta.url);

/** From when to when a worker had a task, in milliseconds since the epoch. */
export interface Span {
  readonly begin: number;
  readonly end: number;
}

/** For the last messages of workers to arrive. */
const ARRIVAL_MS = 50;

/** Run `body`, which has timed workers, and collect what they tell. */
export async function spansOf(body: () => Promise<void>): Promise<Span[]> {
  const spans: Span[] = [];
  const channel = new BroadcastChannel(TIMES);
  channel.onmessage = message => { spans.push((message as { data: Span }).data); };
  try {
    await body();
    await setTimeout(ARRIVAL_MS);
  } finally {
    channel.close();
  }
  return spans;
}

/** Which share of the time of all workers from `begin` to `end` was in tasks. */
export function busyShare(spans: readonly Span[], workers: number, { begin, end }: Span): number {
  const busy = spans.reduce((sum, span) => sum + Math.max(0, Math.min(span.end, end) - Math.max(span.begin, begin)), 0);
  return busy / (workers * (end - begin));
}
