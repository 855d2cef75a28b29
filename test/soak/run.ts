// Kills processes and threads at random moments; the files must be those of an undisturbed run. Batches that cannot be observed, and no others, are set aside.
//   npm run soak [-- kills]        default 200 processes and about as many threads: a quarter of an hour on two processors
import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RecordBatchFileWriter } from 'apache-arrow';

import { calibrationPlan, observe, openSource, QuantSim, writeStatistics } from '../../pipeline/index.ts';
import { inFolder } from '../support/temporary.ts';
import { ONE_IN } from './dying-worker.ts';
import { poison } from './poison.ts';

const MODEL = 'fixtures/models/fmnist-cnn.onnx';
const SAMPLES = 20_480;
const main = join(import.meta.dirname, '../../cli/main.js');
/** Of the time that an undisturbed run takes, when a process is killed: the earliest moment, and the latest. */
const [EARLIEST, LATEST] = [0.03, 0.35];
/** Samples in a block that a thread may die at: few, so that there are many. */
const SMALL_BLOCK = 16;
/** Gray levels between the images and their repetitions. */
const SHIFT = 6;
const dyingWorker = new URL('./dying-worker.js', import.meta.url);

const kills = Number(process.argv[2] ?? 200);
let passed = 0, failed = 0;

await inFolder(async folder => {
  const data = join(folder, 'data.arrow');
  await writeFile(data, await manySamples());
  const undisturbed = join(folder, 'undisturbed');
  const start = performance.now();
  await untilDone(['run', MODEL, data, '-o', undisturbed, '--quiet']);
  const ms = performance.now() - start;
  await report(`${kills} processes killed at random moments of runs over ${SAMPLES} samples, resumed each time`, () => processes(folder, data, undisturbed, ms));
  await report(`about ${kills} threads that die at random tasks`, () => threads(data));
  await report('poison in a stream', () => poison(MODEL));
});
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function report(title: string, body: () => Promise<string>): Promise<void> {
  try {
    console.log(`${title}: ${await body()}`);
    passed++;
  } catch (error) {
    console.log(`${title}: ${(error as Error).message}`);
    failed++;
  }
}

/** Run after run, each killed again and again until it ends. */
async function processes(folder: string, data: string, undisturbed: string, ms: number): Promise<string> {
  let killed = 0, runs = 0;
  while (killed < kills) {
    const out = join(folder, `out-${runs++}`);
    for (let isDone = false; !isDone;) {
      isDone = await killedOrDone(['run', MODEL, data, '-o', out, '--quiet', '--strict', '--resume', '--checkpoint-every', '0.2'], killed < kills ? ms * (EARLIEST + (LATEST - EARLIEST) * Math.random()) : Infinity);
      if (!isDone) killed++;
    }
    for (const file of ['statistics.arrow', 'encodings.json', 'model.qdq.onnx', 'encodings.arrow', 'model.onnx']) await same(join(out, file), join(undisturbed, file));
    await rm(out, { recursive: true });
  }
  return `${killed} kills in ${runs} runs, all files the same`;
}

/** Whether the command came to its end before it was killed. */
function killedOrDone(args: readonly string[], ms: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    const timer = ms < Infinity ? setTimeout(() => child.kill('SIGKILL'), ms) : undefined;
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (signal === 'SIGKILL') resolve(false);
      else if (code === 0) resolve(true);
      else reject(new Error(`exit code ${code}`));
    });
  });
}

async function untilDone(args: readonly string[]): Promise<void> {
  if (!await killedOrDone(args, Infinity)) throw new Error('killed');
}

/** Over and over the same data with workers that die, until enough of them have. */
async function threads(data: string): Promise<string> {
  const sim = await QuantSim.open(MODEL);
  const plan = calibrationPlan(sim.model, sim.placement);
  const statistics = async (worker?: URL) => {
    const running = observe(plan, await openSource(data), { batchSize: SMALL_BLOCK, ...(worker && { worker }) });
    for (let retries = 0; ;) {
      const { done, value } = await running.next();
      if (!done) ({ retries } = value);
      else if (value.setAside.length > 0) throw new Error(`${value.setAside.length} batches were set aside`);
      else return { bytes: writeStatistics(value.statistics), retries };
    }
  };
  const expected = await statistics();
  let batches = 0, again = 0;
  for (; batches < ONE_IN * kills; batches += SAMPLES / SMALL_BLOCK) {
    const { bytes, retries } = await statistics(dyingWorker);
    if (Buffer.compare(bytes, expected.bytes) !== 0) throw new Error('the statistics differ');
    again += retries;
  }
  return `${batches} batches, of which one in ${ONE_IN} took its thread down; ${again} times one was tried again or had waited there, and the statistics are the same`;
}

async function same(path: string, expected: string): Promise<void> {
  if (Buffer.compare(await readFile(path), await readFile(expected)) !== 0) throw new Error(`${path} differs from an undisturbed run's`);
}

/** The calibration images again and again, as one file; each time their gray levels are moved on, so that no two blocks are the same and none can stand for another. */
async function manySamples(): Promise<Uint8Array> {
  const source = await openSource('fixtures/data/fmnist-calibration.arrow');
  const writer = new RecordBatchFileWriter();
  for (let repeat = 0; repeat * source.rows! < SAMPLES; repeat++) {
    for await (const batch of source.batches()) {
      const values = batch.getChild('input')!.data[0]!.children[0]!.values as Uint8Array;
      for (let i = 0; i < values.length; i++) values[i]! += SHIFT * repeat;
      writer.write(batch);
    }
  }
  return writer.finish().toUint8Array(true);
}
