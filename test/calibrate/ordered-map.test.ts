import * as assert from 'uvu/assert';

import { orderedMap } from '../../pipeline/calibrate/ordered-map.ts';
import { suite } from '../support/suite.ts';

/** Numbers 0 … count-1 that say how many were pulled and whether the source was closed. */
function counted(count: number) {
  const state = { pulled: 0, closed: false };
  async function* source() {
    try {
      for (; state.pulled < count;) yield state.pulled++;
    } finally {
      state.closed = true;
    }
  }
  return { state, source: source() };
}

/** A task that ends when it is told to. */
function gates(count: number) {
  const all = Array.from({ length: count }, () => withResolvers<number>());
  return { all, task: (i: number) => all[i]!.promise };
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => { resolve = yes; reject = no; });
  return { promise, resolve, reject };
}

suite('calibrate/ordered-map', test => {
  test('yields in the order of the items, whichever task ends first', async () => {
    const { all, task } = gates(3);
    const results: number[] = [];
    const done = (async () => { for await (const x of orderedMap(counted(3).source, () => 3, task)) results.push(x); })();
    all[2]!.resolve(20);
    all[1]!.resolve(10);
    all[0]!.resolve(0);
    await done;
    assert.equal(results, [0, 10, 20]);
  });

  test('pulls no further than its limit while the consumer waits', async () => {
    const { state, source } = counted(100);
    const mapped = orderedMap(source, () => 4, async i => i);
    await mapped.next();
    assert.is(state.pulled, 4);
    await mapped.return(undefined);
    assert.ok(state.closed);
  });

  test('a consumer that stops early waits for the tasks that run', async () => {
    const { all, task } = gates(3);
    const mapped = orderedMap(counted(3).source, () => 3, task);
    all[0]!.resolve(0);
    assert.is((await mapped.next()).value, 0);
    let isOver = false;
    const over = mapped.return(undefined).then(() => { isOver = true; });
    all[1]!.resolve(10);
    await new Promise(setImmediate);
    assert.is(isOver, false, 'task 2 still runs');
    all[2]!.reject(new Error('nobody waits for this one'));
    await over;
  });

  test('throws the error of a task in its turn, closes the source and starts no further task', async () => {
    const { state, source } = counted(100);
    const seen: number[] = [];
    let message = '';
    try {
      for await (const x of orderedMap(source, () => 2, async i => { if (i === 3) throw new Error('task 3'); return i; })) seen.push(x);
    } catch (error) {
      message = (error as Error).message;
    }
    assert.equal([seen, message, state.closed], [[0, 1, 2], 'task 3', true]);
    assert.ok(state.pulled <= 5, `${state.pulled} items were pulled`);
  });

  test('waits for the tasks under way before it ends early', async () => {
    const { all, task } = gates(2);
    const mapped = orderedMap(counted(2).source, () => 2, task);
    const first = mapped.next();
    all[0]!.resolve(0);
    await first;
    let ended = false;
    const end = mapped.return(undefined).then(() => { ended = true; });
    await Promise.resolve();
    assert.not(ended);
    all[1]!.resolve(1);
    await end;
    assert.ok(ended);
  });
});
