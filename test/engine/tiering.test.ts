import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';

import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

/** Prints what V8's compilers took at the most. */
const spy = `import { isMainThread } from 'node:worker_threads'; import { getHeapStatistics } from 'node:v8';
if (isMainThread) process.on('exit', () => console.error('compilers', getHeapStatistics().peak_malloced_memory));`;
const MiB = 2 ** 20;

suite('engine/tiering', test => {
  test('onnxruntime-web\'s start-up function of 0.9 MB is not optimized, which takes 160 MiB', () => inFolder(async folder => {
    const { stderr } = await promisify(execFile)(process.execPath, [
      '--import', `data:text/javascript,${encodeURIComponent(spy)}`, join(import.meta.dirname, '../../cli/main.js'),
      'observe', 'fixtures/models/fmnist-cnn.onnx', 'fixtures/data/fmnist-calibration.arrow', '-o', join(folder, 's.arrow'), '--engine', 'web', '--workers', '2',
    ]);
    const bytes = Number(/compilers (\d+)/.exec(stderr)![1]);
    assert.ok(bytes < 100 * MiB, `${bytes} bytes`);
  }));
});
