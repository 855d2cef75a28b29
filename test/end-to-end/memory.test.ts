import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RecordBatchFileWriter } from 'apache-arrow';
import * as assert from 'uvu/assert';

import { elementCount, float32Tensor } from '../../pipeline/base/tensor.ts';
import { intsAttribute } from '../../pipeline/graph/attribute.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { openSource, writeModel } from '../../pipeline/index.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';
import { watched, writeDetector, writeSamples } from '../support/memory.ts';

const MiB = 2 ** 20;
/** Taps of 35 MiB: without a limit, the run holds 340 MiB. */
const LAYERS = 30;

suite('end-to-end/memory', test => {
  test('a run holds less memory than --memory allows, as the system counts it', () => inFolder(async folder => {
    const [model, data] = [join(folder, 'detector.onnx'), join(folder, 'frames.npy')];
    await writeDetector(model, LAYERS);
    await writeSamples(data, [6, 3, 240, 320]);
    const { code, stderr, peakBytes } = await watched(['observe', model, data, '-o', join(folder, 's.arrow'), '--engine', 'native', '--memory', '300MiB']);
    assert.is(code, 0, stderr);
    assert.ok(peakBytes > 50 * MiB && peakBytes < 300 * MiB, `${peakBytes} bytes: ${stderr}`);
  }));

  test('a sample far larger than the first is observed alone where it may not fit beside others, and counted by any number of workers', () => inFolder(async folder => {
    const [model, data] = [join(folder, 'layers.onnx'), join(folder, 'images.arrow')];
    await writeFile(model, writeModel(layers(8)));
    await writeFile(data, await imagesFile(12, i => i % 4 === 3 ? 600 : 64));
    const runs = await Promise.all([1, 2].map(async workers => {
      const statistics = join(folder, `${workers}.arrow`);
      const { code, stderr, peakBytes } = await watched(['observe', model, data, '-o', statistics, '--engine', 'native', '--workers', String(workers), '--batch-size', '1', '--memory', '600MiB', '--strict']);
      assert.is(code, 0, stderr);
      assert.ok(peakBytes < 600 * MiB, `${peakBytes} bytes with ${workers} workers`);
      return readFile(statistics);
    }));
    assert.is(Buffer.compare(runs[0]!, runs[1]!), 0);
  }));

  for (const engine of ['native', 'web'] as const) {
    test(`${engine}: where samples grow sixtyfold after the first, what computing takes is measured anew, and memory is held`, () => inFolder(async folder => {
      const [model, data] = [join(folder, 'layers.onnx'), join(folder, 'images.arrow')];
      await writeFile(model, writeModel(layers(20)));
      await writeFile(data, await imagesFile(8, i => 64 * (i + 1)));
      const observe = async (out: string, ...rest: string[]) => {
        const done = await watched(['observe', model, data, '-o', join(folder, out), '--engine', engine, '--batch-size', '1', '--strict', ...rest]);
        assert.is(done.code, 0, done.stderr);
        return { ...done, statistics: await readFile(join(folder, out)) };
      };
      const [free, held] = [await observe('free.arrow'), await observe('held.arrow', '--memory', '500MiB')];
      assert.ok(held.peakBytes < 500 * MiB && free.peakBytes > 500 * MiB, `${held.peakBytes} and ${free.peakBytes} bytes`);
      assert.is(Buffer.compare(held.statistics, free.statistics), 0);
    }));
  }

  test('a sample that does not fit at all ends the run, and is not left out in silence', () => inFolder(async folder => {
    const [model, data] = [join(folder, 'layers.onnx'), join(folder, 'images.arrow')];
    await writeFile(model, writeModel(layers(8)));
    await writeFile(data, await imagesFile(4, i => i === 3 ? 3000 : 64));
    const { code, stderr } = await watched(['observe', model, data, '-o', join(folder, 's.arrow'), '--engine', 'native', '--batch-size', '1', '--memory', '400MiB']);
    assert.is(code, 1, stderr);
    assert.match(stderr, /on the largest of these samples '.*' has 274\.7 MiB, and the memory budget leaves .* for a tensor: allow about .* more \[config-invalid\]/);
  }));
});

/** Convolutions of eight channels and their Relus, one after the other, for images of any size. */
function layers(count: number): Model {
  const nodes = Array.from({ length: count }, (_, i) => [
    { op: 'Conv', in: [i === 0 ? 'x' : `r${i - 1}`, `w${i}`], out: [`c${i}`], attributes: { pads: intsAttribute([1, 1, 1, 1]) } }, { op: 'Relu', in: [`c${i}`], out: [i === count - 1 ? 'y' : `r${i}`] },
  ]).flat();
  const weights = Object.fromEntries(Array.from({ length: count }, (_, i) => [`w${i}`, weight([8, i === 0 ? 3 : 8, 3, 3])]));
  return buildModel({ inputs: { x: ['N', 3, 'H', 'W'] }, nodes, weights, outputs: { y: ['N', 8, 'H', 'W'] } });
}

/** An Arrow file of square images of these sizes. */
async function imagesFile(count: number, sizeOf: (i: number) => number): Promise<Uint8Array> {
  const images = Array.from({ length: count }, (_, i) => {
    const dims = [1, 3, sizeOf(i), sizeOf(i)];
    return { x: float32Tensor(dims, floats(elementCount(dims), { seed: i + 1 })) };
  });
  const writer = new RecordBatchFileWriter();
  for await (const batch of (await openSource(images)).batches()) writer.write(batch);
  return writer.finish().toUint8Array(true);
}
