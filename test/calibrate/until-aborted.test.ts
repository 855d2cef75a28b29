import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as assert from 'uvu/assert';

import { untilAborted } from '../../pipeline/calibrate/until-aborted.ts';
import { suite } from '../support/suite.ts';

/** 0 … count-1, then it waits for ever. */
async function* endless(count: number) {
  for (let i = 0; i < count; i++) yield i;
  await new Promise(() => {});
}

suite('calibrate/until-aborted', test => {
  test('passes everything on where nothing aborts, and closes the source', async () => {
    let closed = false;
    async function* source() {
      try { yield* [1, 2, 3]; } finally { closed = true; }
    }
    const items = [];
    for await (const item of untilAborted(source(), new AbortController().signal)) items.push(item);
    assert.equal([items, closed], [[1, 2, 3], true]);
  });

  test('ends when the signal aborts while the source waits', async () => {
    const controller = new AbortController();
    const items: number[] = [];
    for await (const item of untilAborted(endless(2), controller.signal)) {
      items.push(item);
      if (item === 1) queueMicrotask(() => controller.abort());
    }
    assert.equal(items, [0, 1]);
  });

  test('yields nothing where the signal has aborted before', async () => {
    for await (const item of untilAborted(endless(0), AbortSignal.abort())) assert.unreachable(`${item}`);
  });

  test('an error of the source is thrown', async () => {
    async function* source() { yield 1; throw new Error('unreadable'); }
    const error = await (async () => { for await (const _ of untilAborted(source())); })().then(() => null, (error: Error) => error);
    assert.is(error?.message, 'unreadable');
  });

  test('closes the source when the consumer stops early', async () => {
    let closed = false;
    async function* source() {
      try { for (let i = 0; ; i++) yield i; } finally { closed = true; }
    }
    for await (const item of untilAborted(source())) if (item === 3) break;
    assert.ok(closed);
  });

  test('holds on to no item that was passed on', async () => {
    async function* source() { for (let i = 0; i < 3; i++) yield { i }; }
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const items: WeakRef<{ i: number }>[] = [];
    for await (const item of untilAborted(source(), new AbortController().signal)) {
      items.push(new WeakRef(item));
      await setImmediate(); // a WeakRef holds its target until the job ends
      if (items.length === 3) collectGarbage();
    }
    assert.is(items[0]!.deref(), undefined);
  });
});
