import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { Pool } from '../../pipeline/calibrate/pool.ts';
import type { EncodeTask } from '../../pipeline/calibrate/protocol.ts';
import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { suite } from '../support/suite.ts';

const faulty = new URL('./workers/faulty.js', import.meta.url), slow = new URL('./workers/slow.js', import.meta.url);

function task(tensor: string, values = Float32Array.of(-1, 2)): EncodeTask {
  const split = { encodings: 1, axes: [], run: values.length };
  return { kind: 'encode', tensor, source: { kind: 'values', values, split }, grid: grid(8), scheme: 'min-max', options: { gamma: 3, percentile: 100 } };
}

async function using<T>(pool: Pool, body: (pool: Pool) => Promise<T>): Promise<T> {
  try {
    return await body(pool);
  } finally {
    await pool.close();
  }
}

async function failure(promise: Promise<unknown>): Promise<QuantpipeError> {
  const error = await promise.then(() => null, (error: unknown) => error);
  assert.instance(error, QuantpipeError);
  return error as QuantpipeError;
}

suite('calibrate/pool', test => {
  test('finds an encoding in a thread, and moves the values there', () => using(new Pool({ observing: null }, 1), async pool => {
    const values = Float32Array.of(-1, 2);
    const { tensor, encodings } = await pool.encode(task('w', values));
    assert.equal([tensor, encodings], ['w', [fitEncoding(-1, 2, grid(8))]]);
    assert.is(values.byteLength, 0);
  }));

  test('what a worker throws arrives with its class, code and context, and its stack as the cause', () => using(new Pool({ observing: null }, 1), async pool => {
    const error = await failure(pool.encode(task('w', Float32Array.of(NaN))));
    assert.equal([error.code, error.message, error.context], ['statistics-missing', "constant 'w': there is no finite value", { tensor: 'w' }]);
    assert.match((error.cause as Error).stack!, /encode-tensor/);
  }));

  for (const [fault, says] of [['exit', /a worker thread died: .*exited with code: 3/], ['crash', /a worker thread died: out of a timer/]] as const) {
    test(`a worker that dies (${fault}) is an error, and the next task has a new one`, () => using(new Pool({ observing: null }, 1, faulty), async pool => {
      const [dead, alive] = [failure(pool.encode(task(fault))), pool.encode(task('fine'))];
      const { code, message } = await dead;
      assert.is(code, 'worker-lost');
      assert.match(message, says);
      assert.is((await alive).tensor, 'fine');
    }));
  }

  test('a time limit beyond what a timer keeps is none', () => using(new Pool({ observing: null }, 1, faulty), async pool => {
    const warned: string[] = [];
    const listen = (warning: Error) => warned.push(warning.name);
    process.on('warning', listen);
    const bytes = new ArrayBuffer(8);
    await pool.observe({ ...task('fine'), bytes } as never, 2 ** 31);
    process.off('warning', listen);
    assert.equal(warned, []);
  }));

  test('a time limit counts what a thread does for a task, and not how long it takes to get ready for it', () => using(new Pool({ observing: null }, 1, slow), async pool => {
    const observe = (index: number) => pool.observe({ kind: 'observe', index, bytes: new ArrayBuffer(0), limits: null }, 300);
    await observe(0); // the thread is there
    assert.equal([await observe(2), (await failure(observe(1))).message], [{ ok: true, value: { samples: 2 } }, 'a worker thread hung: it gave no answer in 0.3 s']);
  }));

  test('a task that waits when the pool closes is rejected', async () => {
    const pool = new Pool({ observing: null }, 1, faulty);
    const [first, second] = [failure(pool.encode(task('crash'))), failure(pool.encode(task('fine')))];
    await pool.close();
    await first;
    assert.is((await second).code, 'worker-lost');
  });
});
