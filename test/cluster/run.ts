// What Apache Spark must not change: statistics are those of a run here, byte for byte.
//   npm run spark [samples [words]]     default 10000; only the cases whose title holds the words
// Installs PySpark into a temporary folder where python3 has none; is skipped, with the reason, where that cannot be done.
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { QuantSim, type QuantSimOptions, type SparkOptions, type SparkProgress, writeModelFile, writeStatistics } from '../../pipeline/index.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { samplesFile } from '../support/samples.ts';
import { runPython, sparkPython, writeSamples } from '../support/spark.ts';
import { inFolder } from '../support/temporary.ts';

const MODEL = 'fixtures/models/fmnist-cnn.onnx';
const TWO_EXECUTORS = 'local-cluster[2,1,1024]';
/** Partitions that the images are read in: enough for a tree of two levels. */
const PARTITIONS = 20;

/** An Arrow file as a folder of three Parquet files, with a column that no model reads and columns in another order. */
const SPLIT = `
import sys, pyarrow as pa, pyarrow.parquet as pq
table = pa.ipc.open_file(sys.argv[1]).read_all()
lists = {name: pa.array(table[name].to_pylist(), pa.list_(pa.float32())) for name in reversed(table.column_names)}
table = pa.table({'note': ['x'] * table.num_rows, **lists})
for name, part in (('a', table.slice(0, 7)), ('b', table.slice(0, 0)), ('c', table.slice(7))):
    pq.write_table(part, f'{sys.argv[2]}/{name}.parquet', row_group_size=10, store_schema=False)
`;

const samples = Number(process.argv[2] ?? 10_000);
const words = process.argv[3] ?? '';
let failed = 0;

await inFolder(async folder => {
  const python = await pythonWithSpark(folder).catch((error: Error) => {
    console.log(`skipped: PySpark cannot be installed here: ${error.message}`);
    return null;
  });
  if (python === null) return;
  const images = { parquet: join(folder, 'images.parquet'), arrow: join(folder, 'images.arrow') };
  await writeSamples(python, 'fixtures/data/fmnist-calibration.arrow', images, { rows: samples, group: Math.ceil(samples / PARTITIONS) });
  const expected = await here(MODEL, images.arrow, {});
  const settings = { master: TWO_EXECUTORS, python, batchSize: 1, conf: { 'spark.sql.files.maxPartitionBytes': '65536' } };

  await report(`${samples} images on two executors`, async () => same(await onSpark(MODEL, images.parquet, settings), expected));
  await report(`${samples} images while an executor is killed`, async () => {
    let killed: number | null = null, again = 0;
    const actual = await onSpark(MODEL, images.parquet, settings, async ({ tasks, of, retries }) => {
      again = retries;
      if (killed === null && tasks > 0 && tasks < of) killed = await killExecutor();
    });
    if (killed === null) throw new Error('no executor was killed before the work was done');
    return `executor ${killed} killed, ${again} ${again === 1 ? 'task' : 'tasks'} run again, ${same(actual, expected)}`;
  });
  await report('two inputs by other names, with a scale, from a folder that Arrow did not write, one file of it empty', () => twoInputs(folder, python));
});
if (failed > 0) console.log(`${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function report(title: string, body: () => Promise<string>): Promise<void> {
  if (!title.includes(words)) return;
  const start = performance.now();
  try {
    console.log(`${title}: ${await body()} (${((performance.now() - start) / 1000).toFixed(0)} s)`);
  } catch (error) {
    console.log(`${title}: ${(error as Error).message}`);
    failed++;
  }
}

async function pythonWithSpark(folder: string): Promise<string> {
  const found = await sparkPython();
  if ('python' in found) return found.python;
  console.log(`${found.reason}; installing it into a temporary folder`);
  const run = promisify(execFile);
  await run('python3', ['-m', 'venv', join(folder, 'python')]);
  const python = join(folder, 'python/bin/python');
  await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', 'pyspark[sql]>=4']);
  return python;
}

async function here(model: string, data: string, options: QuantSimOptions, reading: Pick<SparkOptions, 'inputs' | 'preprocess'> = {}): Promise<Uint8Array> {
  const sim = await QuantSim.open(model, options);
  for await (const _ of sim.observe(data, { batchSize: 1, ...reading })); // progress is not looked at
  return writeStatistics(sim.statistics);
}

async function onSpark(model: string, data: string, options: SparkOptions, look: (progress: SparkProgress) => Promise<void> = async () => {}): Promise<Uint8Array> {
  const sim = await QuantSim.open(model);
  for await (const progress of sim.calibrateOnSpark(data, options)) await look(progress);
  return writeStatistics(sim.statistics);
}

function same(actual: Uint8Array, expected: Uint8Array): string {
  if (Buffer.compare(actual, expected) !== 0) throw new Error('the statistics differ from those of a run here');
  return 'the same statistics';
}

/** Kill one of the executors that this process started, by way of Python and Java. */
async function killExecutor(): Promise<number | null> {
  for (const pid of await descendants(process.pid)) {
    if (!(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes('CoarseGrainedExecutorBackend')) continue;
    process.kill(pid, 'SIGKILL');
    return pid;
  }
  return null;
}

async function descendants(root: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of (await readdir('/proc')).filter(name => /^\d+$/.test(name))) {
    const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => '');
    parents.set(Number(name), Number(/^PPid:\s*(\d+)/m.exec(status)?.[1] ?? 0));
  }
  const found = [root];
  for (const parent of found) found.push(...[...parents].flatMap(([pid, ppid]) => ppid === parent ? [pid] : []));
  return found.slice(1);
}

async function twoInputs(folder: string, python: string): Promise<string> {
  const rows = 60, size = 6;
  const model = join(folder, 'two.onnx');
  await writeModelFile(buildModel({
    inputs: { left: ['N', 2, 3], right: ['N', size] },
    weights: { shape: { dtype: 'int64', dims: [2], data: BigInt64Array.from([-1n, BigInt(size)]) }, w: weight([size, 4]) },
    nodes: [{ op: 'Reshape', in: ['left', 'shape'], out: ['flat'] }, { op: 'Add', in: ['flat', 'right'], out: ['sum'] }, { op: 'MatMul', in: ['sum', 'w'], out: ['y'] }],
    outputs: { y: ['N', 4] },
  }), model);
  const columns = { left: { size, values: floats(rows * size, { seed: 1 }) }, other: { size, values: floats(rows * size, { seed: 2 }) } };
  const arrow = join(folder, 'two.arrow'), parquet = join(folder, 'two');
  await writeFile(arrow, samplesFile(columns, rows));
  await mkdir(parquet);
  await runPython(python, SPLIT, [arrow, parquet]);
  const reading = { inputs: { right: 'other' }, preprocess: { scale: 0.25 } };
  return same(await onSpark(model, parquet, { master: 'local[2]', python, batchSize: 1, ...reading }), await here(model, arrow, {}, reading));
}
