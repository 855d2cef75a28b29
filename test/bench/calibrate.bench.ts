import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { RecordBatchFileWriter } from 'apache-arrow';

import { bindInputs, blocks, calibrationPlan, type EngineName, observe, openEngine, openSource, QuantSim, type Source, writeModel } from '../../pipeline/index.ts';
import { feeds } from '../../pipeline/data/index.ts';
import { quantpipe } from '../support/cli.ts';
import { inFolder } from '../support/temporary.ts';
import { median, round, type Row } from './bench.ts';

const MODEL = 'fixtures/models/fmnist-cnn.onnx';
const DATA = 'fixtures/data/fmnist-calibration.arrow';
/** The 512 images so many times: the first are for warming up, since onnxruntime-web compiles its WASM in tiers. */
const REPEATS = 6;
const WARM_SAMPLES = 1024;
/** Forward passes, one worker and two take turns; a ratio is of one turn, and its median over the turns counts. */
const TURNS = 7;
/** Of a bare run. */
const BATCH = 64;
const SECONDS = 1;

export async function* rows(): AsyncGenerator<Row> {
  for (const engine of ['web', 'native'] as const) yield await calibrationRow(engine);
  yield await memoryRow();
  yield await startRow();
}

/** Calibration with one worker against the bare forward passes of the same engine on the same inputs, and two workers against one, beside what two threads of bare forward passes reach on this machine. */
async function calibrationRow(engine: EngineName): Promise<Row> {
  const sim = await QuantSim.open(MODEL);
  const plan = calibrationPlan(sim.model, sim.placement);
  const rate = async (workers: number) => {
    const clock = new Clock();
    for await (const { samples } of observe(plan, await repeated(), { engine, workers })) clock.at(samples);
    return clock.rate;
  };
  const float = writeModel(sim.model);
  const turns: Record<'forward' | 'one' | 'two' | 'bare' | 'bareTwo', number>[] = [];
  while (turns.length < TURNS) turns.push({ forward: await forwardRate(engine), one: await rate(1), two: await rate(2), bare: await bareRate(engine, 1, float), bareTwo: await bareRate(engine, 2, float) });
  const middle = (figure: (turn: typeof turns[number]) => number) => median(turns.map(figure));
  return {
    [`calibrate, ${engine}`]: 'fmnist-cnn',
    'forward /s': Math.round(middle(({ forward }) => forward)), '1 worker /s': Math.round(middle(({ one }) => one)), '2 workers /s': Math.round(middle(({ two }) => two)),
    'x forward time': round(middle(({ forward, one }) => forward / one)), '2 : 1 workers': round(middle(({ one, two }) => two / one)), 'x bare runs': round(middle(({ bare, one }) => bare / one)), '2 : 1 bare threads': round(middle(({ bare, bareTwo }) => bareTwo / bare)),
  };
}

/** Samples a second of the float model on the same data, read and prepared in this thread, and nothing more. */
async function forwardRate(name: EngineName): Promise<number> {
  const sim = await QuantSim.open(MODEL);
  const { inputs, batchSize } = calibrationPlan(sim.model, sim.placement);
  const session = await (await openEngine(name)).load(writeModel(sim.model));
  const source = await repeated();
  const bindings = bindInputs(source, inputs);
  const clock = new Clock();
  let samples = 0;
  for await (const { bytes } of blocks(source, { size: batchSize })) {
    for (const feed of feeds(bytes, inputs, bindings)) {
      await session.run(feed.feeds);
      clock.at(samples += feed.rows);
    }
  }
  await session.close();
  return clock.rate;
}

/** Samples a second of runs on one prepared batch, in `threads` threads that share nothing: what the machine gives to two of them is the most that two workers can reach. */
async function bareRate(engine: EngineName, threads: number, model: Uint8Array): Promise<number> {
  const rates = await Promise.all(Array.from({ length: threads }, async () => {
    const worker = new Worker(new URL('./forward-thread.js', import.meta.url), { workerData: { engine, model, samples: BATCH, seconds: SECONDS } });
    const [rate] = await once(worker, 'message') as [number];
    return rate;
  }));
  return rates.reduce((sum, rate) => sum + rate, 0);
}

/** Samples a second after warming up. */
class Clock {
  #from: { samples: number; time: number } | null = null;
  #to = { samples: 0, time: 0 };

  at(samples: number): void {
    this.#to = { samples, time: performance.now() };
    if (this.#from === null && samples >= WARM_SAMPLES) this.#from = this.#to;
  }

  get rate(): number {
    return 1000 * (this.#to.samples - this.#from!.samples) / (this.#to.time - this.#from!.time);
  }
}

async function repeated(): Promise<Source> {
  const source = await openSource(DATA);
  return { ...source, rows: source.rows! * REPEATS, async *batches() { for (let i = 0; i < REPEATS; i++) yield* source.batches(); } };
}

/** Peak memory of whole processes that calibrate 512 and 4,096 samples. */
async function memoryRow(): Promise<Row> {
  return inFolder(async folder => {
    const source = await repeated();
    const writer = new RecordBatchFileWriter();
    for await (const batch of source.batches()) writer.write(batch);
    const many = join(folder, 'many.arrow');
    await writeFile(many, writer.finish().toUint8Array(true));
    const peak = async (data: string) => {
      const { stdout } = await quantpipe(['run', MODEL, data, '-o', join(folder, 'out'), '--json']);
      return (JSON.parse(stdout) as { peakMemoryBytes: number }).peakMemoryBytes;
    };
    const [few, all] = [await peak(DATA), await peak(many)];
    return { 'peak memory': 'fmnist-cnn', '512 samples, MiB': Math.round(few / 2 ** 20), '4,096 samples, MiB': Math.round(all / 2 ** 20), ratio: round(all / few) };
  });
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
