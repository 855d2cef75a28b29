import * as assert from 'uvu/assert';

import { QuantSim, type QuantSimOptions, type Samples } from '../../pipeline/index.ts';
import { suite } from '../support/suite.ts';

const MODEL = 'fixtures/models/fmnist-cnn.onnx';

const messageFrom = (work: () => Promise<unknown>): Promise<string> => work().then(() => 'nothing was thrown', (error: Error) => `${(error as { code?: string }).code} ${error.message}`);

suite('sim/check-options', test => {
  // an option with a value that cannot be meant, and what is said of it
  for (const [options, says] of [
    [{ scheme: 'foo' }, "scheme must be one of min-max, tf-enhanced, mse, percentile, entropy, got 'foo'"],
    [{ weightScheme: 3 }, 'weightScheme must be one of min-max, tf-enhanced, mse, percentile, entropy, got 3'],
    [{ gamma: 0 }, 'gamma must be a number of at least 1: a clipped value costs no less than a rounded one, got 0'],
    [{ scheme: 'percentile', percentile: 50 }, 'percentile must be a number above 50, at most 100, got 50'],
    [{ weightBitwidth: 1 }, 'weightBitwidth must be a whole number from 2 to 32, got 1'],
    [{ weightBitwidth: 33 }, 'weightBitwidth must be a whole number from 2 to 32, got 33'],
    [{ activationBitwidth: 3 }, 'activationBitwidth must be a whole number from 4 to 32, got 3'],
    [{ activationBitwidth: 8.5 }, 'activationBitwidth must be a whole number from 4 to 32, got 8.5'],
    [{ weightFormat: 'fp8' }, "weightFormat must be one of float16, bfloat16, got 'fp8'"],
    [{ quantizeBias: 'false' }, "quantizeBias must be true or false, got 'false'"],
    [{ config: 5 }, "config must be a preset's name, the path of a file, or an object, got 5"],
    [{ loadEncodings: {} }, 'loadEncodings must be the path of a file, got [object Object]'],
    [{ blocks: { blockSize: 0, decompressedBitwidth: null, undivided: 'refuse' } }, 'blockSize must be a whole number of at least 1, got 0'],
    [{ blocks: { blockSize: 8, decompressedBitwidth: null, undivided: 'keep' } }, "undivided must be one of refuse, skip, got 'keep'"],
    [{ weightBitwith: 4 }, "there is no option 'weightBitwith'; did you mean 'weightBitwidth'?"],
    [{ zzz: 1 }, "there is no option 'zzz'; options are config, override, aimetPlacement, scheme, weightScheme, gamma, percentile, weightBitwidth, activationBitwidth, weightFormat, activationFormat, blocks, quantizeBias, reduceRange, foldBatchNorm, loadEncodings, freeze"],
  ] as const) {
    test(`${JSON.stringify(options)} is refused`, async () => {
      assert.is(await messageFrom(() => QuantSim.open(MODEL, options as unknown as QuantSimOptions)), `config-invalid ${says}`);
    });
  }

  test('the ends of what is allowed pass', async () => {
    for (const options of [{ weightBitwidth: 2, activationBitwidth: 4 }, { weightBitwidth: 32, activationBitwidth: 32 }, { gamma: 1 }, { scheme: 'percentile', percentile: 100 }] as const) await QuantSim.open(MODEL, options);
  });

  test('options of the steps that there are not are refused, too', async () => {
    const sim = await QuantSim.open(MODEL), data = 'fixtures/data/fmnist-calibration.arrow', options = { batchsize: 8 } as object;
    for (const work of [() => sim.calibrate(data, options).next(), () => sim.observe(data, options).next(), () => sim.evaluate(data, options), () => sim.trace(data, options)]) {
      assert.is(await messageFrom(work), "config-invalid there is no option 'batchsize'; did you mean 'batchSize'?");
    }
    assert.match(await messageFrom(() => sim.calibrate(data, { metric: 'top-1' } as object).next()), /^config-invalid there is no option 'metric'; options are engine, workers, batchSize, /);
    assert.is((await sim.evaluate(data, { limit: 1, workers: 1 } as object)).samples, 1); // of calibrating, and of no use here
  });

  for (const [data, got] of [
    [null, 'null'], [undefined, 'undefined'], [5, '5'], [{}, 'an object with nothing in it'], [{ x: 1, y: 2 }, "an object with 'x', 'y'"], [() => [], 'a function'],
  ] as const) {
    test(`${got} is no data, and that is told in words`, async () => {
      const sim = await QuantSim.open(MODEL);
      const says = `config-invalid data must be a path, an address, an open source, a table, or an (async) iterable of record batches or of { input: tensor }, got ${got}`;
      for (const work of [() => sim.calibrate(data as unknown as Samples).next(), () => sim.evaluate(data as unknown as Samples)]) assert.is(await messageFrom(work), says);
    });
  }
});
