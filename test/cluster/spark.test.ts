import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import {
  calibrationPlan, emptyStatistics, observeOnSpark, QuantpipeError, QuantSim, type SparkObservation, type SparkOptions, type SparkProgress, writeStatistics,
} from '../../pipeline/index.ts';
import { quantpipe } from '../support/cli.ts';
import { runPython, sparkPython, writeSamples } from '../support/spark.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const model = 'fixtures/models/fmnist-cnn.onnx';
const calibration = 'fixtures/data/fmnist-calibration.arrow';
const sim = await QuantSim.open(model);
const plan = calibrationPlan(sim.model, sim.placement);
const found = await sparkPython();
/** Made once for all tests of this file. */
const archives = await mkdtemp(join(tmpdir(), 'quantpipe-archives-'));

/** An observation by a script in the place of Python, which is given the driver's path and the job's. */
function observeBy(script: string, options: Partial<SparkOptions> = {}): Promise<{ readonly progress: readonly SparkProgress[]; readonly result: SparkObservation }> {
  return inFolder(async folder => {
    const python = join(folder, 'python');
    await writeFile(python, `#!/bin/sh\n${script}\n`);
    await chmod(python, 0o755);
    const observing = observeOnSpark(plan, 'data.parquet', { master: 'local', python, archives, engine: 'web', ...options });
    const progress: SparkProgress[] = [];
    for (;;) {
      const step = await observing.next();
      if (step.done) return { progress, result: step.value };
      progress.push(step.value);
    }
  });
}

async function messageOf(observing: Promise<unknown>): Promise<string> {
  const error = await observing.then(() => null, error => error);
  assert.ok(error, 'it fails');
  return `${error.message} [${error.code}]`;
}

const failure = (script: string) => messageOf(observeBy(script));

/** Statistics and encodings are those of a run here; an executor's process fails the run with its own message. */
function withSpark(python: string): readonly (readonly [title: string, body: () => Promise<void>])[] {
  return [
    ['a run on two executors writes the bytes of a run here', () => inFolder(async folder => {
      const data = { parquet: join(folder, 'data.parquet'), arrow: join(folder, 'data.arrow') };
      await writeSamples(python, calibration, data, { rows: 200, group: 50 });
      const [here, there] = [join(folder, 'here'), join(folder, 'there')];
      const spark = await quantpipe(['run', model, data.parquet, '-o', there, '--batch-size', '1', '--spark', 'local-cluster[2,1,1024]', '--spark-python', python, '--json', '--quiet']);
      assert.is(spark.code, 0, spark.stderr);
      const { samples, batches } = JSON.parse(spark.stdout) as Record<string, number>;
      assert.equal([samples, batches], [200, 200]);
      const local = await quantpipe(['run', model, data.arrow, '-o', here, '--batch-size', '1', '--quiet']);
      assert.is(local.code, 0, local.stderr);
      for (const file of ['statistics.arrow', 'encodings.json', 'model.qdq.onnx']) assert.ok((await readFile(join(there, file))).equals(await readFile(join(here, file))), file);
    })],
    ['a sample of another size fails the run with one line that names it', () => inFolder(async folder => {
      const data = join(folder, 'ragged.parquet');
      await runPython(python, `
import sys, pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({'input': [[0.5] * 784] * 9 + [[0.5] * 783]}), sys.argv[1])`, [data]);
      const { code, stderr } = await quantpipe(['run', model, data, '-o', join(folder, 'out'), '--spark', 'local[1]', '--spark-python', python, '--quiet']);
      assert.is(code, 1);
      assert.is(stderr, "quantpipe: partition 0: sample 9 of column 'input' holds 783 values, 784 are expected [data-invalid]\n");
    })],
    ['what is no Parquet is said in the words of Spark, and not of its gateway', () => inFolder(async folder => {
      const { code, stderr } = await quantpipe(['run', model, 'fixtures/data/fmnist-calibration.arrow', '-o', join(folder, 'out'), '--spark', 'local[1]', '--spark-python', python, '--quiet']);
      assert.is(code, 1);
      assert.match(stderr, /^quantpipe: Spark failed: org\.apache\.spark\..*fmnist-calibration\.arrow.* \[cluster-failed\]$/m);
    })],
  ];
}

suite('cluster/spark', test => {
  test.after(() => rm(archives, { recursive: true }));

  test('a Python that is not there is named, with what to install', () => inFolder(async folder => {
    const observing = observeOnSpark(plan, 'data.parquet', { master: 'local', python: join(folder, 'python'), archives, engine: 'web' });
    assert.is(await messageOf(observing.next()), `Spark is reached through Python: '${join(folder, 'python')}', which is not there; it needs Python 3.10 or newer with PySpark 4: pip install 'pyspark[sql]>=4' [cluster-failed]`);
  }));

  test("the driver's own error passes as it is", async () => {
    assert.is(await failure(`echo noise; echo '{"error": {"code": "data-invalid", "message": "partition 3: a fact"}}'; exit 1`), 'partition 3: a fact [data-invalid]');
  });

  test('a driver that ends without a word is an error with the last that was heard of it', async () => {
    assert.is(await failure('echo first >&2; echo Killed >&2; exit 9'), "Spark's driver ended with code 9: Killed [cluster-failed]");
  });

  test('where Java refuses to start, its reason is told', async () => {
    const script = `echo 'Exception in thread "main" org.apache.spark.SparkException: no such master' >&2; echo '{"error": {"code": "cluster-failed", "message": "Spark failed: [JAVA_GATEWAY_EXITED] gone"}}'; exit 1`;
    assert.is(await failure(script), 'Spark did not start: no such master [cluster-failed]');
  });

  test('how far the tasks are is told, and the statistics are those that the driver leaves', () => inFolder(async folder => {
    const statistics = join(folder, 'statistics.arrow');
    await writeFile(statistics, writeStatistics({ ...emptyStatistics(plan.hash), samples: 8 }));
    const script = (samples: number) => `cp ${statistics} "$(dirname "$2")"; echo '{"progress": {"tasks": 1, "of": 2, "retries": 1}}'; echo '{"done": {"samples": ${samples}, "batches": 3, "partitions": 2, "slots": 4}}'`;
    const { progress, result } = await observeBy(script(8));
    assert.equal(progress, [{ tasks: 1, of: 2, retries: 1 }]);
    assert.is(result.statistics.samples, 8);
    assert.equal([result.workers, result.batches], [4, 3]);
    assert.is(await failure(script(9)), 'the executors were given 9 samples, and their statistics are of 8 [cluster-failed]');
  }));

  test('aborting ends the driver', async () => {
    const controller = new AbortController();
    const script = `echo '{"progress": {"tasks": 0, "of": 1}}'; exec sleep 600`;
    setTimeout(() => controller.abort(new QuantpipeError('interrupted', 'stopped')), 2_000);
    assert.is(await messageOf(observeBy(script, { signal: controller.signal })), 'stopped [interrupted]');
  });

  test('a mask is refused by its input', async () => {
    assert.is(await messageOf(observeBy('exit 1', { inputs: { input: 'mask(ids)' } })), "input 'input' is to be mask(ids), and masks are not made on Spark: give it a column of the data [config-invalid]");
  });

  test('an address of Spark Connect is refused', async () => {
    const error = await observeOnSpark(plan, 'data.parquet', { master: 'sc://host' }).next().then(() => null, error => error);
    assert.match(error?.message ?? '', /'sc:\/\/host' is an address of Spark Connect/);
  });

  for (const [title, body] of 'python' in found ? withSpark(found.python) : []) test(title, body);
  if ('reason' in found) for (const [title] of withSpark('')) test.skip(title, found.reason);
});
