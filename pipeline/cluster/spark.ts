import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { QuantpipeError, type ErrorCode } from '../base/errors.ts';
import { temporaryFolder } from '../base/temporary-folder.ts';
import { elementCount } from '../base/tensor.ts';
import type { Plan } from '../calibrate/plan.ts';
import { type OrderOptions, writeWorkOrder } from '../calibrate/work-order.ts';
import { blockSize, LABEL_COLUMN, namedColumn, readStatistics } from '../data/index.ts';
import { type EngineName, openEngine, type SessionInput } from '../engine/index.ts';
import type { Statistics } from '../observers/statistics.ts';
import { packageArchive } from './package-archive.ts';

export interface SparkOptions extends Omit<OrderOptions, 'engine'> {
  /** Spark's address: `local[4]`, `spark://host:7077`, `yarn`, `k8s://…`. */
  readonly master: string;
  /** Further properties of Spark, by name: `spark.executor.memory` and so on. */
  readonly conf?: Readonly<Record<string, string>>;
  /** Python that has PySpark, on this machine. Default 'python3'. */
  readonly python?: string;
  /** Python of the executors. Default: as `python`. */
  readonly executorPython?: string;
  /** Node of the executors. Default 'node', wherever their PATH has it. */
  readonly node?: string;
  /** Default 'auto': native where onnxruntime-node is installed here; it goes to the executors with the package. */
  readonly engine?: EngineName | 'auto';
  /** Where the archive for the executors is kept. Default `.cache/quantpipe` in the home folder. */
  readonly archives?: string;
  /** Aborting ends the job. */
  readonly signal?: AbortSignal;
}

/** How far the executors are. */
export interface SparkProgress {
  readonly tasks: number;
  readonly of: number;
  /** Attempts at tasks that failed so far, as Spark counts them: each is tried again. */
  readonly retries: number;
}

export interface SparkObservation {
  readonly statistics: Statistics;
  readonly engine: EngineName;
  /** Blocks of samples, of all partitions. */
  readonly batches: number;
  /** Tasks that Spark runs at the same time. */
  readonly workers: number;
  /** 0: what executors hold is not told. */
  readonly peakBytes: 0;
  /** None: on Spark a batch that cannot be observed is an error. */
  readonly setAside: readonly [];
  readonly warnings: readonly string[];
}

/** What spark-driver.py is told. */
interface Job extends Required<Pick<SparkOptions, 'master' | 'conf' | 'node' | 'executorPython'>> {
  readonly data: string;
  /** Where it leaves its statistics. */
  readonly folder: string;
  readonly archive: string;
  /** Files that go to every executor. */
  readonly model: string;
  readonly order: string;
  readonly label: string;
  readonly inputs: readonly JobInput[];
  /** Samples in a block, and how many of them the model reads at a time. */
  readonly batchSize: number;
  readonly together: number;
  /** Rows that Spark hands to an executor's process at a time. */
  readonly rowsPerBatch: number;
}

/** A model input, and what is wanted of the column that feeds it. */
interface JobInput {
  readonly input: string;
  readonly column: string;
  /** Whether the user named the column. */
  readonly isAsked: boolean;
  /** Values in a sample; null where they may differ. */
  readonly elements: number | null;
}

/** The last line of spark-driver.py where all went well. */
interface Done {
  readonly done: { readonly samples: number; readonly batches: number; readonly partitions: number; readonly slots: number };
}

/** The last line where it did not. */
interface Failure {
  readonly error: { readonly code: ErrorCode; readonly message: string };
}

/** A line of spark-driver.py. */
type Message = { readonly progress: SparkProgress } | Done | Failure;

/** A run of the model and the next ones: what is read while it runs. */
const BATCHES_AHEAD = 4;
/** Of the end of what Spark and Java say, for the case that they say nothing else. */
const KEPT_CHARACTERS = 20_000;

/**
 * Observe every tap of the plan on every sample of a Parquet data set, on Apache Spark. The same statistics as {@link observe} here
 * would give, as far as the engine computes the same values on both: with a batch size of 1 they do not depend on where the partitions are cut.
 *
 * @param data path or address of Parquet files, or of a folder of them, as Spark knows it
 */
export async function* observeOnSpark(plan: Plan, data: string, options: SparkOptions): AsyncGenerator<SparkProgress, SparkObservation> {
  if (options.master.startsWith('sc:')) throw new QuantpipeError('config-invalid', `'${options.master}' is an address of Spark Connect, which ships no archives to executors at start: name the cluster's own master`);
  const engine = await openEngine(options.engine ?? 'auto');
  const folder = await temporaryFolder('quantpipe-spark');
  try {
    const job = await prepareJob(plan, data, folder, engine.name, options);
    const { slots, samples, batches, partitions } = yield* submit(job, options);
    const statistics = readStatistics(await readFile(join(folder, 'statistics.arrow')), 'the statistics from Spark');
    const warnings = [...(engine.notice === undefined ? [] : [engine.notice]), ...leftOut(plan, statistics, samples, partitions)];
    return { statistics, engine: engine.name, batches, workers: slots, peakBytes: 0, setAside: [], warnings };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a model with a fixed batch leaves over at the end of partitions, in words; none otherwise. More than that, or any other loss, is an error. */
function leftOut(plan: Plan, statistics: Statistics, samples: number, partitions: number): string[] {
  const together = readTogether(plan);
  const count = samples - statistics.samples;
  if (count === 0) return [];
  if (count > 0 && count <= partitions * (together - 1)) return [`${count} of ${samples} samples were left out, at the ends of partitions: the model reads ${together} at a time`];
  throw new QuantpipeError('cluster-failed', `the executors were given ${samples} samples, and their statistics are of ${statistics.samples}`);
}

/** How many samples the model reads at a time. */
function readTogether({ inputs }: Plan): number {
  return inputs.map(({ shape }) => shape?.[0]).find(dim => typeof dim === 'number' && dim > 1) as number | undefined ?? 1;
}

async function prepareJob(plan: Plan, data: string, folder: string, engine: EngineName, options: SparkOptions): Promise<Job> {
  const { master, conf = {}, node = 'node', python = 'python3', executorPython = python, inputs = {}, label = LABEL_COLUMN } = options;
  const mask = Object.entries(inputs).find(([, column]) => namedColumn(column) !== column);
  if (mask !== undefined) throw new QuantpipeError('config-invalid', `input '${mask[0]}' is to be ${mask[1]}, and masks are not made on Spark: give it a column of the data`);
  const together = readTogether(plan), batchSize = blockSize(options.batchSize, plan.batchSize, together);
  const model = join(folder, 'model.onnx'), order = join(folder, 'order.json');
  await writeFile(model, plan.tapped);
  await writeFile(order, writeWorkOrder(plan, { ...orderOptions(options), engine }));
  return {
    master, conf, node, executorPython, data, folder, model, order, label, batchSize, together,
    archive: await packageArchive(engine, options.archives),
    inputs: plan.inputs.map(input => jobInput(input, inputs[input.name])),
    rowsPerBatch: BATCHES_AHEAD * batchSize,
  };
}

function orderOptions({ inputs, label, preprocess, batchSize, batchTimeout }: SparkOptions): OrderOptions {
  return { ...(inputs && { inputs }), ...(label !== undefined && { label }), ...(preprocess && { preprocess }), ...(batchSize !== undefined && { batchSize }), ...(batchTimeout !== undefined && { batchTimeout }) };
}

function jobInput({ name, shape }: SessionInput, asked: string | undefined): JobInput {
  const dims = shape?.slice(1) ?? [null];
  const isKnown = dims.every(dim => typeof dim === 'number');
  return { input: name, column: asked ?? name, isAsked: asked !== undefined, elements: isKnown && dims.length > 0 ? elementCount(dims as number[]) : null };
}

/** Run spark-driver.py to its end. */
async function* submit(job: Job, { python = 'python3', signal }: SparkOptions): AsyncGenerator<SparkProgress, Done['done']> {
  const path = join(job.folder, 'job.json');
  await writeFile(path, JSON.stringify(job));
  signal?.throwIfAborted();
  const child = spawn(python, [fileURLToPath(new URL('../../../pipeline/cluster/spark-driver.py', import.meta.url)), path], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = endOf(child);
  const stop = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', stop);
  try {
    let said = '', last: Done | Failure | null = null;
    child.stderr.setEncoding('utf8').on('data', (text: string) => { said = (said + text).slice(-KEPT_CHARACTERS); });
    for await (const line of createInterface({ input: child.stdout })) {
      const message = parseMessage(line);
      if (message === null) continue;
      if ('progress' in message) yield message.progress;
      else last = message;
    }
    const code = await ended;
    signal?.throwIfAborted();
    if (code instanceof Error) throw cannotStart(python, code);
    if (last === null) throw endedEarly(code, said);
    if ('error' in last) throw failed(last.error, said);
    return last.done;
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
    await ended;
  }
}

/** The exit code or signal of a process, or why it did not start. */
function endOf(child: ChildProcess): Promise<number | string | Error> {
  return new Promise(resolve => child.on('error', resolve).on('close', (code, signal) => resolve(code ?? signal ?? 'unknown')));
}

/** Lines of others (Java, shells) on standard output are passed over. */
function parseMessage(line: string): Message | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line) as Message;
  } catch {
    return null;
  }
}

function cannotStart(python: string, cause: Error): QuantpipeError {
  const { code } = cause as NodeJS.ErrnoException;
  const fact = code === 'ENOENT' ? 'which is not there' : `which does not start (${cause.message})`;
  return new QuantpipeError('cluster-failed', `Spark is reached through Python: '${python}', ${fact}; it needs Python 3.10 or newer with PySpark 4: pip install 'pyspark[sql]>=4'`, {}, { cause });
}

/** The driver's own message; where Java did not even start, what Java said. */
function failed({ code, message }: Failure['error'], said: string): QuantpipeError {
  const [, reason] = message.includes('JAVA_GATEWAY_EXITED') ? /^(?:Exception in thread "main" |Error: )(?:[\w.$]+: )?(.*)$/m.exec(said) ?? [] : [];
  return new QuantpipeError(code, reason === undefined ? message : `Spark did not start: ${reason}`, {}, { cause: new Error(said) });
}

function endedEarly(code: number | string, said: string): QuantpipeError {
  return new QuantpipeError('cluster-failed', `Spark's driver ended with ${typeof code === 'number' ? 'code' : 'signal'} ${code}: ${said.trim().split('\n').at(-1) || 'it said nothing'}`, {}, { cause: new Error(said) });
}
