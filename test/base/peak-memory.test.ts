import { execFileSync } from 'node:child_process';
import * as assert from 'uvu/assert';

import { peakMemory, restartPeakMemory } from '../../pipeline/base/peak-memory.ts';
import { openSink } from '../../pipeline/calibrate/discard.ts';
import { suite } from '../support/suite.ts';

const MiB = 2 ** 20;

suite('base/peak-memory', test => {
  test('is what the system says of the process, and without its word the maximum resident set', () => {
    assert.is(peakMemory(() => 'VmPeak:\t  999 kB\nVmHWM:\t  123456 kB\nVmRSS:\t   5 kB\n'), 123456 * 1024);
    const before = process.resourceUsage().maxRSS, most = peakMemory(() => { throw new Error('no /proc here'); });
    assert.ok(1024 * before <= most && most <= 1024 * process.resourceUsage().maxRSS);
    assert.ok(peakMemory() >= process.memoryUsage.rss() * 0.9);
  });

  test('is not that of the process that started it', () => {
    const held = new Uint8Array(300 * MiB).fill(1);
    const url = new URL('../../pipeline/base/peak-memory.js', import.meta.url).href;
    const child = Number(execFileSync(process.execPath, ['--input-type=module', '-e', `import { peakMemory } from '${url}'; console.log(peakMemory())`], { encoding: 'utf8' }));
    assert.ok(held[0] === 1 && child < 200 * MiB, `${child / MiB} MiB`);
  });

  if (process.platform === 'linux') test('begins anew where it is asked to', async () => {
    const held = Buffer.alloc(300 * MiB, 1), before = peakMemory();
    (await openSink())(held);
    restartPeakMemory();
    assert.ok(held.length === 0 && peakMemory() < before - 200 * MiB, `${before / MiB} MiB, then ${peakMemory() / MiB}`);
  });
});
