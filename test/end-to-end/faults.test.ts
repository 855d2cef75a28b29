import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { writeModel } from '../../pipeline/index.ts';
import { quantpipe } from '../support/cli.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { samplesFile } from '../support/samples.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

/** x [N, 4] plus row i of a table of eight: an index outside the table is refused while the model runs. */
const model = writeModel(buildModel({
  inputs: { x: ['N', 4], i: ['N', 1] }, outputs: { y: ['N', 4] },
  weights: { table: weight([8, 4]), last: { dtype: 'int64', dims: [1], data: BigInt64Array.of(1n) } },
  nodes: [
    { op: 'Cast', in: ['i'], out: ['whole'], attributes: { to: { kind: 'int', value: 7n } } }, { op: 'Squeeze', in: ['whole', 'last'], out: ['index'] },
    { op: 'Gather', in: ['table', 'index'], out: ['g'] }, { op: 'Add', in: ['x', 'g'], out: ['y'] },
  ],
}));

suite('end-to-end/faults', test => {
  test('a batch that the engine refuses is set aside and named, the rest is counted; --strict makes it an error', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), model);
    const indices = Float32Array.from({ length: 40 }, (_, k) => k === 17 ? 99 : k % 8);
    await writeFile(join(folder, 'data.arrow'), samplesFile({ x: { size: 4, values: floats(160) }, i: { size: 1, values: indices } }, 40));
    const args = ['run', 'model.onnx', 'data.arrow', '-o', 'out', '--batch-size', '4', '--engine', 'native'];
    const { code, stdout, stderr } = await quantpipe([...args, '--json'], { cwd: folder });
    assert.is(code, 0, stderr);
    const summary = JSON.parse(stdout) as { samples: number; batches: number; setAside: { index: number; message: string }[] };
    assert.equal([summary.samples, summary.batches, summary.setAside.map(({ index }) => index)], [36, 9, [4]]);
    assert.match(summary.setAside[0]!.message, /99/);
    assert.match(stderr, /warning: batch 4 \(samples 16 to 19, counted from 0\) was set aside: .*99/);
    assert.not.ok((await readdir(join(folder, 'out'))).some(name => name.startsWith('checkpoint')));

    const strict = await quantpipe([...args, '--strict'], { cwd: folder });
    assert.is(strict.code, 1);
    assert.match(strict.stderr, /^quantpipe: .*99/m);
  }));

  test('a run that is interrupted, by a terminal, a scheduler or the end of a terminal, goes on with --resume, and gives the same files', () => inFolder(async folder => {
    const [network, data] = ['fixtures/models/fmnist-cnn.onnx', 'fixtures/data/fmnist-calibration.arrow'];
    const options = ['--batch-size', '1', '--workers', '1', '--engine', 'web'];
    const stop = (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP', ...more: readonly string[]) => {
      let sent = false;
      return quantpipe(['run', network, data, '-o', join(folder, 'out'), '--checkpoint-every', '0', ...options, ...more], {
        onStderr: (_, kill) => {
          if (!sent) setTimeout(() => kill(signal), 300);
          sent = true;
        },
      });
    };
    for (const stopped of [await stop('SIGINT'), await stop('SIGTERM', '--resume'), await stop('SIGHUP', '--resume')]) {
      assert.is(stopped.code, 130, stopped.stderr);
      assert.match(stopped.stderr, /stopped after \d+ of 512 samples; they are kept in '.*checkpoint\.arrow'/);
      assert.equal((await readdir(join(folder, 'out'))).sort(), ['checkpoint.arrow', 'checkpoint.arrow.journal']);
    }
    const [resumed, whole] = [await quantpipe(['run', network, data, '-o', join(folder, 'out'), '--resume', ...options, '--json']), await quantpipe(['run', network, data, '-o', join(folder, 'whole'), ...options])];
    assert.equal([resumed.code, whole.code], [0, 0], resumed.stderr);
    assert.is(JSON.parse(resumed.stdout).samples, 512);
    const { samples, seconds, samplesPerSecond } = JSON.parse(resumed.stdout) as Record<string, number>;
    assert.ok(samplesPerSecond! < 0.99 * samples! / seconds!, 'samples that were there already are in no rate');
    for (const name of await readdir(join(folder, 'whole'))) {
      assert.is(Buffer.compare(await readFile(join(folder, 'out', name)), await readFile(join(folder, 'whole', name))), 0, name);
    }
  }));

  test('a kept checkpoint is not replaced in silence, and a refused one is not offered again', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), model);
    const data = (seed: number) => samplesFile({ x: { size: 4, values: floats(160, { seed }) }, i: { size: 1, values: new Float32Array(40) } }, 40);
    await writeFile(join(folder, 'data.arrow'), data(1));
    await mkdir(join(folder, 'out'));
    await symlink('model.qdq.onnx', join(folder, 'out/model.qdq.onnx')); // leads to itself: the export fails, and the checkpoint stays
    const args = ['run', 'model.onnx', 'data.arrow', '-o', 'out', '--engine', 'native', '--workers', '1', '--quiet'];
    const first = await quantpipe(args, { cwd: folder });
    assert.is(first.code, 1, first.stderr);
    assert.not.match(first.stderr, /warning/);

    const again = await quantpipe(args, { cwd: folder });
    assert.match(again.stderr, /^warning: 'out\/checkpoint\.arrow' is a checkpoint of 40 samples that an interrupted run left; this run begins anew in its place \(--resume would go on from it\)$/m);
    assert.not.match((await quantpipe([...args, '--resume'], { cwd: folder })).stderr, /warning/);

    await writeFile(join(folder, 'data.arrow'), data(2));
    const other = await quantpipe([...args, '--resume'], { cwd: folder });
    assert.match(other.stderr, /\[checkpoint-mismatch\]\n[^]*what to do: begin anew without --resume, .* or give another -o$/m);
    await writeFile(join(folder, 'out/checkpoint.arrow'), 'damaged');
    const damaged = await quantpipe([...args, '--resume'], { cwd: folder });
    assert.match(damaged.stderr, /what to do: begin anew without --resume, /);
    await writeFile(join(folder, 'out/checkpoint.arrow.lock'), `${process.pid} ${hostname()}\n`);
    const locked = await quantpipe([...args, '--resume'], { cwd: folder });
    assert.match(locked.stderr, new RegExp(`process ${process.pid} on .* uses this checkpoint[^]*or work beside it: give another -o$`, 'm'));
    for (const { code, stderr } of [other, damaged, locked]) {
      assert.is(code, 1);
      assert.not.match(stderr, /goes on from there/);
    }
  }));
});
