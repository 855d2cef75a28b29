// The main job on every shipped model, judged on labelled data: what the README claims. Then, for the models that exporters wrote, which have no
// labels, how far the exported model is from the simulation. Slower than a test should be.
//
//   npm run accuracy [part of a model's name]
//
// It ends with a failure where a model loses more than it may.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Evaluation } from '../../pipeline/index.ts';
import { quantpipe } from '../support/cli.ts';
import { cases, type AccuracyCase } from './cases.ts';
import { fusedDistances } from './exported.ts';

const [part = ''] = process.argv.slice(2);

async function json<T>(args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await quantpipe([...args, '--json']);
  if (code !== 0) throw new Error(`quantpipe ${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** One row of the table, and what is wrong with it. */
async function judge({ name, model, calibration, evaluation, most, agreement, options, placement }: AccuracyCase, engine: string, folder: string) {
  const out = join(folder, `${name}-${engine}`);
  const run = ['run', model, calibration, '-o', out, '--quiet', '--engine', engine, ...placement];
  const { code, stderr } = await quantpipe(run);
  if (code !== 0) throw new Error(`quantpipe ${run.join(' ')} ended with ${code}: ${stderr}`);
  const found = await json<Evaluation>(['evaluate', model, evaluation, '--encodings', join(out, 'encodings.json'), '--against', join(out, 'model.qdq.onnx'), '--engine', engine, ...placement, ...options]);
  const { float = NaN, simulated = NaN, exported = NaN } = found.accuracy;
  const fused = Object.values(found.pairs.find(({ of, to }) => of === 'exported' && to === 'simulated')!.outputs)[0]!;
  const same = fused.agreement ?? NaN;
  const points = (share: number) => Number((100 * share).toFixed(2));
  const faults = [
    ...([['simulated', simulated], ['exported', exported]] as const).filter(([, share]) => !(Math.abs(float - share) <= most / 100))
      .map(([form, share]) => `${name} on ${engine}: ${form} is ${points(share)} %, float ${points(float)} %: more than ${most} points apart`),
    ...(same >= agreement ? [] : [`${name} on ${engine}: simulated and exported agree on ${points(same)} % of predictions, which is less than ${points(agreement)} %`]),
  ];
  const row = {
    model: name, engine, samples: found.samples, 'float %': points(float), 'simulated %': points(simulated), 'exported %': points(exported), 'same prediction %': points(same),
    'distance dB': fused.exact ? Infinity : Number(fused.sqnr.toFixed(1)), 'within a step %': fused.offBy === null ? NaN : points(withinOneStep(fused.offBy)),
  };
  return { row, faults };
}

/** Share of the output's elements that the exported model, as the engine fuses it, has within one step of the simulation. */
function withinOneStep(offBy: readonly number[]): number {
  return (offBy[0]! + offBy[1]!) / offBy.reduce((sum, count) => sum + count, 0);
}

const folder = await mkdtemp(join(tmpdir(), 'quantpipe-accuracy-'));
try {
  const results = [];
  for (const entry of cases.filter(({ name }) => name.includes(part))) {
    for (const engine of entry.engines) results.push(await judge(entry, engine, folder));
  }
  if (results.length > 0) console.table(results.map(({ row }) => row));
  const distances = await fusedDistances(part, 'native');
  if (distances.length > 0) console.table(distances);
  const faults = results.flatMap(({ faults }) => faults);
  for (const fault of faults) console.error(fault);
  if (results.length + distances.length === 0 || faults.length > 0) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
