import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as asc from 'assemblyscript/asc';

import { check } from '../../pipeline/base/check.ts';
import { elementCount } from '../../pipeline/base/tensor.ts';
import { Arena } from '../../pipeline/kernels/arena.ts';
import { Kernels } from '../../pipeline/kernels/kernels.ts';
import type { KernelExports } from '../../pipeline/kernels/module.ts';
import { histogramOracle } from '../oracles/histogram.ts';
import { minMaxOracle } from '../oracles/min-max.ts';
import { fakeQuantOracle, quantizeOracle } from '../oracles/quantize.ts';
import { uniform } from '../support/random.ts';
import { gigabytesPerSecond, medians, perElement, round, type Row } from './bench.ts';
import { activations, weights } from './shapes.ts';

const MAP = { delta: 0.05, offset: -128, steps: 255 };
const [LOW, HIGH] = [MAP.offset, MAP.offset + MAP.steps];
const ORACLE_MAP = { scale: MAP.delta, zeroPoint: 128, lowest: 0, highest: 255 };

/** The kernels as a host without our classes sees them, and the read loop, in one memory. */
interface Bare {
  readonly run: KernelExports & { quantize8(values: number, codes: number, count: number, delta: number, low: number, high: number, zero: number): void };
  readonly readAll: (values: number, count: number) => number;
  readonly arena: Arena;
  readonly scratch: number;
}

export async function* rows(): AsyncGenerator<Row> {
  const bare = await loadBare();
  const kernels = await Kernels.load();
  yield* histogramRows(bare);
  for (const [name, dims] of Object.entries(activations)) yield observeRow(bare, kernels, name, normal(elementCount(dims)));
  yield* tensorRows(bare);
  for (const [name, layout] of Object.entries(weights)) yield channelRow(bare, name, layout);
}

async function loadBare(): Promise<Bare> {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const load = async (bytes: Uint8Array) => (await WebAssembly.instantiate(bytes, { env: { memory } })).instance.exports;
  const run = await load(await readFile('build/kernels.wasm')) as Bare['run'];
  const { readAll } = await load(await compileReadAll()) as Pick<Bare, 'readAll'>;
  const arena = new Arena(memory, run.heapBase());
  return { run, readAll, arena, scratch: arena.alloc(run.histogramBytes()) };
}

async function compileReadAll(): Promise<Uint8Array> {
  const file = join(tmpdir(), `read-all-${process.pid}.wasm`);
  const { error, stderr } = await asc.main([
    'assembly/bench/read-all.ts', '-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--enable', 'simd', '--use', 'abort=', '--outFile', file,
  ]);
  check(error === null, `read-all.ts compiles: ${stderr.toString()}`);
  return readFile(file);
}

/** The histogram against reading the same values, on what activations look like. */
function* histogramRows({ run, readAll, arena, scratch }: Bare): Generator<Row> {
  const count = elementCount(activations['MobileNetV2 stem']);
  const ordinary = normal(count);
  const inputs = {
    'normal': ordinary,
    'Relu: half zeros': ordinary.map(x => Math.max(x, 0)),
    'Relu6: zeros and sixes': ordinary.map(x => Math.min(Math.max(4 * x, 0), 6)),
    'all the same': new Float32Array(count).fill(1.5),
  };
  for (const [input, values] of Object.entries(inputs)) {
    yield arena.scope(() => {
      const at = arena.copyIn(values), bins = arena.alloc(65_536 * 2), counts = arena.alloc(65_536 * 8);
      run.histogram(at, count, scratch);
      const used = run.compact(scratch, bins, counts);
      checkSame(arena.copyOut(counts, new BigUint64Array(used)), histogramOracle(values).counts);
      const { read, histogram } = medians({ read: () => readAll(at, count), histogram: () => run.histogram(at, count, scratch) });
      run.compact(scratch, bins, counts);
      return { 'histogram of 401,408': input, 'ns/element': perElement(histogram, count), 'read ns/element': perElement(read, count), 'x read': round(histogram / read) };
    });
  }
}

/** What observing a tensor costs as quantpipe calls it, and its parts. */
function observeRow({ run, arena, scratch }: Bare, kernels: Kernels, name: string, values: Float32Array): Row {
  return arena.scope(() => {
    const at = arena.copyIn(values), bins = arena.alloc(65_536 * 2), counts = arena.alloc(65_536 * 8);
    const range = arena.copyIn(Float32Array.of(Infinity, -Infinity));
    const statistics = kernels.observe(values);
    const compact = compactMilliseconds(() => run.histogram(at, values.length, scratch), () => { run.compact(scratch, bins, counts); });
    const { whole, minMax, merge } = medians({
      whole: () => kernels.observe(values),
      minMax: () => run.minMax(at, values.length, range),
      merge: () => kernels.mergeStatistics(statistics, statistics),
    });
    return {
      'observe': name, 'elements': values.length, 'bins': statistics.bins.length, 'ns/element': perElement(whole, values.length),
      'min-max ns': perElement(minMax, values.length), 'compact us': round(compact * 1e3), 'merge us': round(merge * 1e3),
    };
  });
}

/** Compaction alone: it needs counts each time, whose making is not timed. */
function compactMilliseconds(fill: () => void, compact: () => void): number {
  const times = Array.from({ length: 51 }, () => {
    fill();
    const start = performance.now();
    compact();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}

/** Kernels over a whole tensor against their oracles. */
function* tensorRows({ run, arena }: Bare): Generator<Row> {
  const count = elementCount(activations['MobileNetV2 stem']);
  const values = normal(count);
  const at = arena.copyIn(values), out = arena.alloc(4 * count), range = arena.copyIn(Float32Array.of(Infinity, -Infinity));
  run.fakeQuant(at, out, count, MAP.delta, LOW, HIGH);
  checkSame(arena.copyOut(out, new Float32Array(count)), values.map(x => fakeQuantOracle(x, ORACLE_MAP)));
  const oracleRange = new Float32Array(2);
  const kernels: Record<string, { bytes: number; kernel: () => void; oracle: () => void }> = {
    'min-max': { bytes: 4, kernel: () => run.minMax(at, count, range), oracle: () => minMaxOracle(values, oracleRange) },
    'fake-quant': { bytes: 8, kernel: () => run.fakeQuant(at, out, count, MAP.delta, LOW, HIGH), oracle: () => values.map(x => fakeQuantOracle(x, ORACLE_MAP)) },
    'quantize to u8': { bytes: 5, kernel: () => run.quantize8(at, out, count, MAP.delta, LOW, HIGH, 128), oracle: () => values.map(x => quantizeOracle(x, ORACLE_MAP)) },
  };
  for (const [name, { bytes, kernel, oracle }] of Object.entries(kernels)) {
    const times = medians({ kernel, oracle }, { warmup: 5, samples: 15 });
    yield { 'over 401,408': name, 'ns/element': perElement(times.kernel, count), 'GB/s': gigabytesPerSecond(times.kernel, bytes * count), 'x oracle': round(times.oracle / times.kernel) };
  }
}

/** Channels against the same values as one tensor. */
function channelRow({ run, arena }: Bare, name: string, { outer, channels, inner }: { outer: number; channels: number; inner: number }): Row {
  return arena.scope(() => {
    const count = outer * channels * inner;
    const at = arena.copyIn(normal(count)), out = arena.alloc(4 * count);
    const [deltas, lows, highs, mins, maxs] = [MAP.delta, LOW, HIGH, 0, 0].map(x => arena.copyIn(new Float32Array(channels).fill(x))) as [number, number, number, number, number];
    const { tensor, fakeQuant, minMax } = medians({
      tensor: () => run.fakeQuant(at, out, count, MAP.delta, LOW, HIGH),
      fakeQuant: () => run.fakeQuantChannels(at, deltas, lows, highs, out, outer, channels, inner),
      minMax: () => run.minMaxChannels(at, outer, channels, inner, mins, maxs),
    });
    return {
      'channels': name, 'elements': count, 'fake-quant ns': perElement(fakeQuant, count), 'x tensor': round(fakeQuant / tensor), 'min-max ns': perElement(minMax, count),
    };
  });
}

/** Normal values by Box and Muller's method. */
function normal(count: number): Float32Array {
  const next = uniform(1);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return values;
}

/** A bench of wrong results would be worth nothing. */
function checkSame(actual: ArrayLike<number | bigint>, expected: ArrayLike<number | bigint>): void {
  check(actual.length === expected.length && Array.from(expected).every((x, i) => actual[i] === x), 'kernel and oracle agree');
}
