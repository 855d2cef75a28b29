// The entry of a worker thread. It loads only the part of the program that its first task needs.

import type { BlockObserver } from './observe-block.ts';
import { NoRoom } from './no-room.ts';
import { movingBuffers, setupOfWorker } from './pool.ts';
import { type Answer, type Encoded, type EncodeTask, type Measured, type Observed, type Reply, sendError, type Task } from './protocol.ts';
import { gettingReady, type TurnClock } from './turn-clock.ts';

/** Kept between tasks: session and kernels, never results. */
let observer: Promise<BlockObserver> | null = null;
let encoder: Promise<(task: EncodeTask) => Promise<Answer<Encoded>>> | null = null;

/** A pure function of its task. Failures are replies, because errors lose their class between threads. @param clock told what of the time is getting ready */
export default async function work(task: Task, clock?: TurnClock): Promise<Reply<unknown>> {
  let stage: 'start' | 'task' = 'start';
  try {
    const run = await started(task, clock);
    stage = 'task';
    const { value, moved } = await run();
    return movingBuffers({ ok: true, value }, moved);
  } catch (error) {
    return { ok: false, stage: error instanceof NoRoom ? 'room' : stage, error: sendError(error) };
  }
}

/** Get ready for this kind of task, once; the function returned does it. */
async function started(task: Task, clock: TurnClock | undefined): Promise<() => Promise<Answer<Observed | Measured | Encoded>>> {
  switch (task.kind) {
    case 'observe': {
      const started = await gettingReady(clock, () => observer ??= startObserving());
      return () => started.observe(task, clock);
    }
    case 'measure': {
      const started = await gettingReady(clock, () => observer ??= startObserving());
      return () => started.measure(task, clock);
    }
    case 'encode': {
      const run = await (encoder ??= startEncoding());
      return () => run(task);
    }
  }
}

async function startObserving() {
  const { BlockObserver } = await import('./observe-block.ts');
  return BlockObserver.open(setupOfWorker().observing);
}

async function startEncoding() {
  const { tensorEncoder } = await import('./encode-tensor.ts');
  return tensorEncoder();
}
