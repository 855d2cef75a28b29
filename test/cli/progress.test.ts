import * as assert from 'uvu/assert';

import { ProgressLine } from '../../cli/progress.ts';
import { suite } from '../support/suite.ts';

/** A stream that remembers what was written. */
function recorder(isTTY: boolean) {
  const written: string[] = [];
  return { written, out: { isTTY, columns: 60, write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream };
}

suite('cli/progress', test => {
  test('redraws one line on a terminal, no wider than it, and takes it away', () => {
    const { written, out } = recorder(true);
    const line = new ProgressLine('calibrating', { out });
    line.update({ samples: 64, total: 512 });
    line.clear();
    assert.is(written.length, 2);
    assert.match(written[0]!, /^\r\u001b\[2Kcalibrating 64\/512 samples · \d+\/s · .* left/);
    assert.ok(written[0]!.length <= 59 + '\r\u001b[2K'.length);
    assert.is(written[1], '\r\u001b[2K');
  });

  test('writes plain lines where nobody watches, and not one for every batch', () => {
    const { written, out } = recorder(false);
    const line = new ProgressLine('observing', { out });
    for (let samples = 1; samples <= 100; samples++) line.update({ samples, total: null });
    line.clear();
    assert.is(written.length, 1);
    assert.match(written[0]!, /^observing 1 samples · [\d.]+\/s · [\d.]+ MiB\n$/);
  });

  test('what an interrupted run had observed is in no rate', () => {
    const { written, out } = recorder(false);
    const line = new ProgressLine('calibrating', { out });
    line.update({ samples: 1_000_000, resumed: 1_000_000, total: 2_000_000 });
    assert.match(written[0]!, /^calibrating 1000000\/2000000 samples · 0\.0\/s · [\d.]+ MiB\n$/);
  });

  test('says nothing when quiet', () => {
    const { written, out } = recorder(true);
    const line = new ProgressLine('calibrating', { out, quiet: true });
    line.update({ samples: 1, total: 2 });
    line.clear();
    assert.equal(written, []);
  });
});
