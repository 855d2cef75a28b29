import { spawn } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { writeModel } from '../../pipeline/index.ts';
import { elementCount } from '../../pipeline/base/tensor.ts';
import { buildModel, weight } from './graphs.ts';
import { floats } from './random.ts';

const main = join(import.meta.dirname, '../../cli/main.js');
const SAMPLING_MS = 20;

export interface Watched {
  readonly code: number | null;
  readonly stderr: string;
  /** The most memory the process held, as the system counts it: VmHWM of /proc/PID/status. Where it started others, the most that was seen of all together (VmRSS). */
  readonly peakBytes: number;
  readonly seconds: number;
}

/** Run the command line in a process of its own, and look at its memory from outside. Linux only. */
export function watched(args: readonly string[]): Promise<Watched> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '', peakBytes = 0;
    child.stderr.on('data', (piece: Buffer) => { stderr += piece.toString(); });
    const timer = setInterval(async () => {
      const others = await Promise.all((await childrenOf(child.pid!)).map(pid => statusOf(pid, 'VmRSS')));
      const together = others.length === 0 ? 0 : others.reduce((sum, bytes) => sum + bytes, await statusOf(child.pid!, 'VmRSS'));
      peakBytes = Math.max(peakBytes, together, await statusOf(child.pid!, 'VmHWM'));
    }, SAMPLING_MS);
    child.on('error', reject).on('close', code => {
      clearInterval(timer);
      resolve({ code, stderr, peakBytes, seconds: (performance.now() - start) / 1000 });
    });
  });
}

async function statusOf(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return 1024 * Number(new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
}

async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(threads.map(thread => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')));
  return lists.flatMap(list => list.trim().split(' ').filter(Boolean).map(Number));
}

/** A detector's shape: images of 3 × 240 × 320, and `layers` tensors of 307,200 elements. */
export async function writeDetector(path: string, layers: number): Promise<void> {
  const channels = (i: number) => i === 0 ? 3 : 4;
  const spread = 0.8; // keeps the values' size from layer to layer
  const names = Array.from({ length: layers }, (_, i) => `layer${i}`);
  const model = buildModel({
    inputs: { input: [1, 3, 240, 320] },
    weights: Object.fromEntries(names.map((name, i) => [`${name}.weight`, weight([4, channels(i), 3, 3], { seed: i + 1, min: -spread / 2, max: spread / 2 })])),
    nodes: names.map((name, i) => ({ op: 'Conv', in: [i === 0 ? 'input' : names[i - 1]!, `${name}.weight`], out: [name], attributes: { pads: { kind: 'ints', value: [1n, 1n, 1n, 1n] } } })),
    outputs: { [names.at(-1)!]: [1, 4, 240, 320] },
  });
  await writeFile(path, writeModel(model));
}

/** A .npy file of seeded float32 samples. */
export async function writeSamples(path: string, shape: readonly number[]): Promise<void> {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`.padEnd(117) + '\n';
  const values = floats(elementCount(shape), { min: -1, max: 1 });
  await writeFile(path, Buffer.concat([Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, text.length, 0]), Buffer.from(text), new Uint8Array(values.buffer)]));
}
