import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';

import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { builds } from './builds.ts';

// The kernels without quantpipe: a host that has nothing but the .wasm observes a tensor in two parts, merges, and encodes. Once by the
// bare WebAssembly API, once by Python's wasmtime (wasmtime_host.py); both must find the bits that Kernels finds.

/** What a host ends with: used bins, their counts, [min, max], and the f64[4] of an 8-bit asymmetric tf-enhanced encoding, as bytes in hex. */
interface Findings { readonly bins: string; readonly counts: string; readonly range: string; readonly encoding: string }

const GAMMA = 3;

/** Why Python's wasmtime cannot run, or null. */
const missing = reasonAgainstPython();

const inputs: Record<string, Float32Array> = {
  'ordinary values': floats(10_001, { seed: 1 }),
  'half zeros and an outlier': floats(10_001, { seed: 2 }).map(x => Math.max(x, 0)).with(17, 900),
  'NaN, Inf and subnormals': floats(999, { seed: 3 }).with(3, NaN).with(500, -Infinity).with(501, Infinity).with(77, -1e-42),
};

for (const { name, url, kernels } of builds) suite(`kernels/standalone, ${name}`, test => {
  const expected = (values: Float32Array): Findings => {
    const statistics = kernels.observe(values);
    const encoding = kernels.encodeTfEnhanced(statistics, { bitwidth: 8, symmetry: 'asymmetric' }, GAMMA)!;
    return {
      bins: hex(statistics.bins), counts: hex(statistics.counts), range: hex(Float32Array.of(statistics.min, statistics.max)), encoding: hex(Float64Array.from(encoding)),
    };
  };

  for (const [what, values] of Object.entries(inputs)) {
    test(`the bare WebAssembly API finds the same for ${what}`, async () => {
      assert.equal(await bareHost(await readFile(url), values), expected(values));
    });

    const title = `Python's wasmtime finds the same for ${what}`;
    if (missing !== null) test.skip(title, missing);
    else test(title, () => {
      const { status, stdout, stderr } = spawnSync('python3', ['test/kernels/wasmtime_host.py', fileURLToPath(url)], { input: new Uint8Array(values.buffer) });
      assert.is(status, 0, stderr.toString());
      assert.equal(JSON.parse(stdout.toString()), expected(values));
    });
  }
});

/** Observe each half of the values, merge, encode: see assembly/README.md. */
async function bareHost(wasm: Uint8Array, values: Float32Array): Promise<Findings> {
  const memory = new WebAssembly.Memory({ initial: 64 });
  const { instance } = await WebAssembly.instantiate(wasm, { env: { memory } });
  const run = instance.exports as Record<string, (...numbers: number[]) => number>;
  let top = run['heapBase']!();
  const alloc = (bytes: number) => {
    const at = top;
    top = Math.ceil((at + bytes) / 16) * 16;
    assert.ok(top <= memory.buffer.byteLength, 'fits the memory');
    return at;
  };
  const copyOut = (at: number, bytes: number) => Buffer.from(memory.buffer, at, bytes).toString('hex');

  const scratch = alloc(run['histogramBytes']!()), range = alloc(8);
  new Float32Array(memory.buffer, range, 2).set([Infinity, -Infinity]);
  const [a, b] = [values.subarray(0, values.length >> 1), values.subarray(values.length >> 1)].map(part => {
    const at = alloc(part.byteLength), bins = alloc(65_536 * 2), counts = alloc(65_536 * 8);
    new Float32Array(memory.buffer, at, part.length).set(part);
    run['minMax']!(at, part.length, range);
    run['histogram']!(at, part.length, scratch);
    return { bins, counts, used: run['compact']!(scratch, bins, counts) };
  }) as [Histogram, Histogram];

  const bins = alloc((a.used + b.used) * 2), counts = alloc((a.used + b.used) * 8);
  const used = run['merge']!(a.bins, a.counts, b.bins, b.counts, bins, counts, a.used, b.used);

  const observed = alloc(run['readHistogramBytes']!(used)), encoding = alloc(4 * 8);
  const [min, max] = new Float32Array(memory.buffer, range, 2);
  assert.is(run['readHistogram']!(bins, counts, used, min!, max!, observed), 1);
  run['encodeTfEnhanced']!(observed, 8, 0, GAMMA, encoding);
  return { bins: copyOut(bins, used * 2), counts: copyOut(counts, used * 8), range: copyOut(range, 8), encoding: copyOut(encoding, 4 * 8) };
}

interface Histogram { readonly bins: number; readonly counts: number; readonly used: number }

function hex(array: Float32Array | Float64Array | Uint16Array | BigUint64Array): string {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('hex');
}

function reasonAgainstPython(): string | null {
  const { error, status } = spawnSync('python3', ['-c', 'import wasmtime']);
  if (error !== undefined) return 'python3 does not run';
  return status === 0 ? null : 'python3 has no module wasmtime (pip install wasmtime)';
}
