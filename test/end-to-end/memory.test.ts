import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';
import { watched, writeDetector, writeSamples } from '../support/memory.ts';

const MiB = 2 ** 20;
/** Taps of 35 MiB: without a limit, the run holds 340 MiB. */
const LAYERS = 30;

suite('end-to-end/memory', test => {
  test('a run holds less memory than --memory allows, as the system counts it', () => inFolder(async folder => {
    const [model, data] = [join(folder, 'detector.onnx'), join(folder, 'frames.npy')];
    await writeDetector(model, LAYERS);
    await writeSamples(data, [6, 3, 240, 320]);
    const { code, stderr, peakBytes } = await watched(['observe', model, data, '-o', join(folder, 's.arrow'), '--engine', 'native', '--memory', '300MiB']);
    assert.is(code, 0, stderr);
    assert.ok(peakBytes > 50 * MiB && peakBytes < 300 * MiB, `${peakBytes} bytes: ${stderr}`);
  }));
});
