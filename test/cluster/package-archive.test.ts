import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';

import { packageArchive } from '../../pipeline/cluster/package-archive.ts';
import { calibrationPlan, QuantSim, writeWorkOrder } from '../../pipeline/index.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const run = promisify(execFile);
const model = 'fixtures/models/fmnist-cnn.onnx';
const data = 'fixtures/data/fmnist-calibration.arrow';

suite('cluster/package-archive', test => {
  for (const engine of ['web', 'native'] as const) {
    test(`unpacked where nothing else is, it carries out a work order with engine ${engine}`, () => inFolder(async folder => {
      const archive = await packageArchive(engine, folder);
      const unpacked = join(folder, 'executor');
      await mkdir(unpacked);
      await run('tar', ['-xzf', archive, '-C', unpacked]);

      const sim = await QuantSim.open(model);
      const plan = calibrationPlan(sim.model, sim.placement);
      await writeFile(join(folder, 'model.onnx'), plan.tapped);
      await writeFile(join(folder, 'order.json'), writeWorkOrder(plan, { engine }));
      const main = join(unpacked, 'dist/cli/main.js');
      await run(process.execPath, [main, 'observe', join(folder, 'model.onnx'), data, '-o', join(folder, 'out.arrow'), '--order', join(folder, 'order.json')]);

      for await (const _ of sim.observe(data, { engine })); // progress is not looked at
      const { writeStatistics } = await import('../../pipeline/index.ts');
      assert.ok((await readFile(join(folder, 'out.arrow'))).equals(writeStatistics(sim.statistics)));
    }));
  }

  test('it is made once: the same content is found again, and the two engines differ', () => inFolder(async folder => {
    const archive = await packageArchive('web', folder);
    const { mtimeMs } = await stat(archive);
    assert.is(await packageArchive('web', folder), archive);
    assert.is((await stat(archive)).mtimeMs, mtimeMs);
    assert.match(archive, /quantpipe-web-[0-9a-f]{16}\.tar\.gz$/);
  }));

  test('when a new one is made, the oldest of its engine go, and nothing else', () => inFolder(async folder => {
    const name = (engine: string, i: number) => `quantpipe-${engine}-${String(i).padStart(16, '0')}.tar.gz`;
    const [old, others] = [[1, 2, 3, 4, 5].map(i => name('web', i)), [name('native', 1), 'quantpipe-web-notes.txt', 'other.tar.gz']];
    for (const [i, file] of [...others, ...old].entries()) {
      await writeFile(join(folder, file), '');
      await utimes(join(folder, file), 1000 + i, 1000 + i);
    }
    const made = await packageArchive('web', folder);
    assert.equal((await readdir(folder)).sort(), [...others, ...old.slice(2), basename(made)].sort());
  }));
});
