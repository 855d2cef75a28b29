// The entry of a worker thread. It loads only the part of the program that its first task needs.

import { movingBuffers, setupOfWorker } from './pool.ts';
import { type Answer, type Encoded, type EncodeTask, type Observed, type ObserveTask, type Reply, sendError, type Task } from './protocol.ts';

/** Kept between tasks: session and kernels, never results. */
let observer: Promise<(task: ObserveTask) => Promise<Answer<Observed>>> | null = null;
let encoder: Promise<(task: EncodeTask) => Promise<Answer<Encoded>>> | null = null;

/** A pure function of its task. Failures are replies, because errors lose their class between threads. */
export default async function work(task: Task): Promise<Reply<unknown>> {
  try {
    const { value, moved } = await answer(task);
    return movingBuffers({ ok: true, value }, moved);
  } catch (error) {
    return { ok: false, error: sendError(error) };
  }
}

async function answer(task: Task): Promise<Answer<Observed | Encoded>> {
  switch (task.kind) {
    case 'observe': return (await (observer ??= startObserving()))(task);
    case 'encode': return (await (encoder ??= startEncoding()))(task);
  }
}

async function startObserving() {
  const { blockObserver } = await import('./observe-block.ts');
  return blockObserver(setupOfWorker().observing);
}

async function startEncoding() {
  const { tensorEncoder } = await import('./encode-tensor.ts');
  return tensorEncoder();
}
