import * as assert from 'uvu/assert';

import { checkCalibrateOptions } from '../../pipeline/calibrate/check-options.ts';
import type { CalibrateOptions } from '../../pipeline/calibrate/calibrate.ts';
import { QuantSim } from '../../pipeline/index.ts';
import { suite } from '../support/suite.ts';
import { messageOf } from '../support/thrown.ts';

const refused: readonly (readonly [option: string, values: readonly unknown[], allowed: RegExp])[] = [
  ['engine', ['foo', ''], /one of auto, web, native/],
  ['workers', [0, NaN, 1.5, 1025, '2'], /a whole number from 1 to 1024/],
  ['batchSize', [0, 2.5, -1], /a whole number of at least 1/],
  ['limit', [0, -1, Infinity], /a whole number of at least 1/],
  ['memory', [NaN, 0, -5], /bytes above 0/],
  ['maxBad', [-1, NaN, 0.5], /at least 0/],
  ['batchTimeout', [NaN, 0, -1], /seconds above 0/],
];

suite('calibrate/check-options', test => {
  for (const [option, values, allowed] of refused) {
    for (const value of values) {
      test(`${option} ${String(value)} is refused, and the message says what is allowed`, () => {
        const message = messageOf(() => checkCalibrateOptions({ [option]: value }));
        assert.ok(message.startsWith(`config-invalid ${option} must be `), message);
        assert.match(message, allowed);
        assert.ok(message.includes(`got ${typeof value === 'string' ? `'${value}'` : String(value)}`), message);
      });
    }
  }

  for (const shard of [{ index: 3, count: 3 }, { index: -1, count: 2 }, { index: 0, count: 0 }, { index: 0.5, count: 2 }]) {
    test(`shard ${shard.index}/${shard.count} is refused`, () => {
      assert.match(messageOf(() => checkCalibrateOptions({ shard })), new RegExp(`^config-invalid a shard is I/N .*got ${shard.index}/${shard.count}$`));
    });
  }

  test('the ends of what is allowed pass', () => {
    const most: CalibrateOptions = { engine: 'auto', workers: 1024, batchSize: 1, limit: 1, memory: 1, maxBad: 0, batchTimeout: 1e-3, shard: { index: 2, count: 3 } };
    checkCalibrateOptions(most);
    checkCalibrateOptions({ maxBad: Infinity, batchTimeout: Infinity });
    checkCalibrateOptions({});
  });

  test('a simulation looks at them before it reads anything', async () => {
    const sim = await QuantSim.open('fixtures/models/fmnist-cnn.onnx');
    for (const work of [() => sim.calibrate('missing.arrow', { workers: 0 }).next(), () => sim.evaluate('missing.arrow', { batchSize: 0 }), () => sim.trace('missing.arrow', { limit: 0 })]) {
      assert.match(await work().then(() => 'nothing was thrown', (error: Error) => error.message), /^(workers|batchSize|limit) must be/);
    }
  });
});
