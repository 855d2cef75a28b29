import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';

import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const MiB = 2 ** 20;
const node = async (...args: readonly string[]) => promisify(execFile)(process.execPath, [...args]);
const preloaded = (code: string) => ['--import', `data:text/javascript,${encodeURIComponent(code)}`];

/** A program that keeps nothing for long: objects live for 50 steps, in a map as the pool's tasks do. Prints the most that its heap took beside what it took before, and the room for young objects. */
const program = `
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { Heap, holdYoung } from '${new URL('../../cli/heap.js', import.meta.url)}';
const hold = { free: () => () => {}, young: () => holdYoung, heap: () => { holdYoung(); const heap = new Heap(); return () => heap.hold(); } }[process.argv[1]]();
hold();
const taken = () => getHeapStatistics().total_physical_size;
const before = taken(), tasks = new Map();
let most = 0;
for (let step = 0; step < 5000; step++) {
  tasks.set(step, Array.from({ length: 200 }, (_, i) => ({ step, i })));
  tasks.delete(step - 50);
  hold();
  most = Math.max(most, taken() - before);
}
console.log(JSON.stringify({ most, young: getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size }));`;

/** Prints the flags that are set, a line each. */
const spy = `import v8 from 'node:v8'; import { syncBuiltinESMExports } from 'node:module';
const set = v8.setFlagsFromString; v8.setFlagsFromString = flags => { console.error(flags); set(flags); }; syncBuiltinESMExports();`;

suite('cli/heap', test => {
  test('a heap that is held stays small, however long the program; V8 lets it grow, and so does holding young objects alone', async () => {
    const heapOf = async (how: string) => JSON.parse((await node('--input-type=module', '--eval', program, how)).stdout) as { readonly most: number; readonly young: number };
    const [free, young, heap] = [await heapOf('free'), await heapOf('young'), await heapOf('heap')];
    assert.ok(free.most > 8 * MiB && free.young > 8 * MiB, JSON.stringify(free));
    assert.ok(young.most > 8 * MiB && young.young <= free.young / 2, JSON.stringify({ free, young }));
    assert.ok(heap.most < 5 * MiB, JSON.stringify(heap));
  });

  for (const command of ['run', 'observe']) {
    test(`${command} holds its heap at the start and after every block, whatever threads have started since`, () => inFolder(async folder => {
      const { stderr } = await node(...preloaded(spy), join(import.meta.dirname, '../../cli/main.js'), command, 'fixtures/models/fmnist-cnn.onnx', 'fixtures/data/fmnist-calibration.arrow', '-o', join(folder, 'out'), '--engine', 'native');
      const flags = stderr.split('\n').filter(line => line.startsWith('--'));
      const ofNode20 = parseInt(process.versions.v8) < 12 ? ['--interrupt-budget=1000000'] : [];
      assert.equal(flags, ['--no-concurrent-marking', ...ofNode20, '--semi-space-growth-factor=1', '--expose-gc', ...Array<string>(8).fill('--semi-space-growth-factor=1')]); // 512 images in blocks of 64
    }));
  }
});
