// The process of an IsolatedPool. It ends with the one that started it, and by no signal from a terminal, which that one decides about.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

import { check } from '../base/check.ts';
import { peakMemory } from '../base/peak-memory.ts';
import type { IsolatedAnswer, IsolatedSetup, IsolatedTask } from './isolated-pool.ts';
import { Pool, ThreadHung } from './pool.ts';
import { sendError } from './protocol.ts';

let pool: Pool | null = null;
let isNative = false;

function start({ observing, model, threads, worker }: IsolatedSetup): Pool {
  isNative = observing.engine === 'native';
  return new Pool({ observing: { ...observing, model: sharedFile(model) } }, threads, worker === null ? undefined : new URL(worker));
}

/** A file's content, which the thread reads where it lies. */
function sharedFile(path: string): Uint8Array {
  const file = openSync(path, 'r');
  const bytes = new Uint8Array(new SharedArrayBuffer(fstatSync(file).size));
  for (let at = 0; at < bytes.length;) {
    const read = readSync(file, bytes, at, bytes.length - at, at);
    check(read > 0, `'${path}' became shorter while it was read`);
    at += read;
  }
  closeSync(file);
  return bytes;
}

async function answer({ id, task, timeoutMs }: IsolatedTask): Promise<IsolatedAnswer> {
  try {
    const reply = task.kind === 'observe' ? await pool!.observe(task, timeoutMs) : await pool!.measure(task, timeoutMs);
    const learnt = reply.ok && 'learnt' in reply.value ? reply.value.learnt : null;
    return { id, peakBytes: Math.max(peakMemory(), learnt?.peakBytes ?? 0), reply };
  } catch (error) {
    return { id, peakBytes: peakMemory(), thrown: sendError(error), isLast: isNative && error instanceof ThreadHung };
  }
}

/** A thread that is ended while the native engine is at work takes the process down with it, and with an outcry: better be quiet, and first. */
function endAfter(answer: IsolatedAnswer): void {
  if ('thrown' in answer && answer.isLast) process.kill(process.pid, 'SIGKILL');
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL')); // an orderly end would meet the engine at work, which complains
process.on('message', async (message: IsolatedSetup | IsolatedTask) => {
  if (message.kind === 'setup') pool = start(message);
  else {
    const sent = await answer(message);
    process.send!(sent, () => endAfter(sent)); // if nobody is there any more, the end is near
  }
});
