import { peakMemory } from '../pipeline/base/peak-memory.ts';
import type { Output, QuantSim } from '../pipeline/index.ts';
import type { RunFigures } from './calibration.ts';
import { printable } from './exit.ts';
import type { ReportOptions } from './options.ts';
import { duration, size, table } from './table.ts';

/** What a command did; `run` is absent where no model was run (encode). */
export interface Done {
  readonly sim: QuantSim;
  readonly run?: RunFigures;
  readonly outputs: readonly Output[];
}

/** Rows of the table of worst layers. */
const WORST = 8;

/** The closing summary: one JSON object, a table for people, or nothing. Warnings go to standard error. */
export function printSummary(done: Done, { json, quiet }: ReportOptions): void {
  if (json) console.log(JSON.stringify(summary(done)));
  if (quiet) return;
  if (!json) console.log(report(done));
  printWarnings(done.sim);
}

/** What no error says and a user should know, on standard error. */
export function printWarnings({ warnings }: QuantSim): void {
  for (const warning of warnings) process.stderr.write(`warning: ${printable(warning)}\n`);
}

/** The keys are a contract: scripts read them. */
function summary({ sim, run, outputs }: Done) {
  return {
    samples: run?.samples ?? sim.statistics.samples,
    batches: run?.batches ?? 0,
    seconds: run === undefined ? 0 : round(run.seconds, 3),
    samplesPerSecond: run === undefined || sim.observation === null ? 0 : round((run.samples - run.resumed) / run.seconds, 1),
    peakMemoryBytes: peakOf(sim),
    engine: sim.observation?.engine ?? null,
    workers: sim.observation?.workers ?? 0,
    setAside: sim.observation?.setAside ?? [],
    tensors: sim.placement.quantizers.length,
    outputs: outputs.map(({ path, bytes }) => ({ path, bytes })),
    float: sim.placement.float,
    worst: sim.isEncoded ? worst(sim).map(({ tensor, role, sqnr }) => ({ tensor, role, sqnr: round(sqnr, 2) })) : [],
    warnings: sim.warnings,
  };
}

/** Of this process, and of another beside it. */
function peakOf({ observation }: QuantSim): number {
  return Math.max(peakMemory(), observation?.peakBytes ?? 0);
}

function report({ sim, run, outputs }: Done): string {
  const parts = [counts(sim)];
  const lossy = worst(sim);
  if (lossy.length > 0) {
    parts.push(`where the signal suffers most (signal to quantization noise of each encoding):\n${table(
      [{ title: 'tensor', most: 44 }, { title: 'role' }, { title: 'bits', align: 'right' }, { title: 'range' }, { title: 'SQNR', align: 'right' }],
      lossy.map(({ tensor, role, bitwidth, min, max, sqnr }) => [tensor, role, bitwidth, `${short(min)} … ${short(max)}`, `${sqnr.toFixed(1)} dB`]),
    )}`);
  }
  const { float } = sim.placement;
  if (float.length > 0) {
    parts.push(`left in float:\n${table([{ title: 'what' }, { title: 'name', most: 44 }, { title: 'why' }], float.map(({ opType, name, reason }) => [opType, name, reason]))}`);
  }
  parts.push(table([{ title: 'written' }, { title: 'size', align: 'right' }], outputs.map(({ path, bytes }) => [path, size(bytes)])));
  if (run !== undefined && sim.observation !== null) {
    parts.push(`${run.samples} samples in ${duration(run.seconds)} (${((run.samples - run.resumed) / run.seconds).toFixed(0)}/s) · ${sim.observation.engine} engine, ` +
      `${sim.observation.workers} ${sim.observation.workers === 1 ? 'worker' : 'workers'} · peak memory ${size(peakOf(sim))}`);
  }
  return parts.join('\n\n');
}

function counts({ placement, configName }: QuantSim): string {
  const weights = placement.quantizers.filter(({ role }) => role === 'weight');
  const perChannel = weights.filter(({ granularity }) => granularity.kind === 'channel').length;
  return `${placement.quantizers.length - weights.length} activations, ${weights.length} weights (${perChannel} per channel) and ` +
    `${placement.biases.length} biases quantized · config ${configName}`;
}

/** Encodings that lose nothing (of tensors of zeros, say) are not among them. */
function worst(sim: QuantSim) {
  return sim.quality.filter(({ sqnr }) => Number.isFinite(sqnr)).sort((a, b) => a.sqnr - b.sqnr).slice(0, WORST);
}

function short(x: number): string {
  return String(Number(x.toPrecision(4)));
}

function round(x: number, digits: number): number {
  return Number(x.toFixed(digits));
}
