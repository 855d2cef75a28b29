import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { float32Tensor } from '../../pipeline/base/tensor.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { externalThreshold } from '../../pipeline/onnx/external-file.ts';
import { readModel, readModelFile } from '../../pipeline/onnx/read-model.ts';
import { writeModel, writeModelFile } from '../../pipeline/onnx/write-model.ts';
import { buildModel, feedsFor, runModel, sameOutputs, weight } from '../support/graphs.ts';
import { sameMessage } from '../support/messages.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';
import { concat, externalData, field, graph, initializer, input, model, node, output, rawData, tensor } from '../support/wire.ts';

const content = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const file = new Uint8Array(content.buffer);
const sha1 = createHash('sha1').update(file).digest('hex');

/** A model whose one weight, four floats, lies in another file. */
const lying = (entries: Record<string, string>) =>
  model(graph(node('Add', ['x', 'w'], ['y']), input('x'), output('y'), initializer('w', [4], 1, externalData(entries))));

async function refusal(path: string): Promise<QuantpipeError> {
  const error = await readModelFile(path).then(() => null, (error: unknown) => error);
  assert.ok(error instanceof QuantpipeError, String(error));
  return error;
}

function elements({ graph }: Model, name: string): number[] {
  return [...graph.values.get(name)!.initializer!.read().data as Float32Array];
}

// the external_data of a tensor of 16 bytes in a file of 32, the message
const refused: [Record<string, string>, string | RegExp][] = [
  [{ length: '16' }, "initializer 'w' lies in another file, but does not say in which"],
  [{ location: '/etc/hostname' }, "initializer 'w' points outside the model's folder: '/etc/hostname'"],
  [{ location: '../w.bin' }, "initializer 'w' points outside the model's folder: '../w.bin'"],
  [{ location: 'inner/../../w.bin' }, "initializer 'w' points outside the model's folder: 'inner/../../w.bin'"],
  [{ location: 'inner\\..\\..\\w.bin' }, "initializer 'w' points outside the model's folder: 'inner\\..\\..\\w.bin'"],
  [{ location: 'C:\\w.bin' }, "initializer 'w' points outside the model's folder: 'C:\\w.bin'"],
  [{ location: 'link.bin' }, /^initializer 'w' points outside the model's folder: 'link\.bin' leads to .*\/outside\.bin$/],
  [{ location: 'linked/outside.bin' }, /^initializer 'w' points outside the model's folder: 'linked\/outside\.bin' leads to .*\/outside\.bin$/],
  [{ location: 'sibling.bin' }, /^initializer 'w' points outside the model's folder: 'sibling\.bin' leads to .*\/models-of-others\/w\.bin$/], // its path begins with the folder's
  [{ location: 'inner' }, "initializer 'w' lies in 'inner', which is not a file"],
  [{ location: 'w.bin', length: '12' }, "initializer 'w' needs 16 bytes, its external data has length 12"],
  [{ location: 'w.bin', length: '32' }, "initializer 'w' needs 16 bytes, its external data has length 32"],
  [{ location: 'w.bin', offset: '20', length: '16' }, "initializer 'w' needs bytes 20 to 36 of 'w.bin', which holds 32"],
  [{ location: 'w.bin', offset: '20' }, "initializer 'w' needs bytes 20 to 36 of 'w.bin', which holds 32"],
  [{ location: 'w.bin', offset: '-4' }, "initializer 'w' has external data with offset '-4', expected a number of bytes"],
  [{ location: 'w.bin', length: '1e1' }, "initializer 'w' has external data with length '1e1', expected a number of bytes"],
  [{ location: 'w.bin', checksum: 'AB' }, /^initializer 'w' lies in a file with SHA-1 AB, but .*w\.bin has [0-9a-f]{40}$/],
];

suite('onnx/external-data', test => {
  test('reads content at its offset, from the start by default, and from folders inside', () => inFolder(async folder => {
    await mkdir(join(folder, 'inner'));
    await writeFile(join(folder, 'inner/w.bin'), file);
    const path = join(folder, 'm.onnx');
    await writeFile(path, lying({ location: 'inner/w.bin', offset: '12', length: '16', checksum: sha1.toUpperCase() }));
    assert.equal(elements(await readModelFile(path), 'w'), [4, 5, 6, 7]);
    await writeFile(path, lying({ location: 'inner/w.bin' }));
    assert.equal(elements(await readModelFile(path), 'w'), [1, 2, 3, 4]);
    assert.equal(elements(readModel(await readFile(path), { folder }), 'w'), [1, 2, 3, 4]);
  }));

  test('refuses what leads outside, is too short, or contradicts itself, in words', () => inFolder(async outer => {
    const folder = join(outer, 'models');
    await mkdir(join(folder, 'inner'), { recursive: true });
    await writeFile(join(folder, 'w.bin'), file);
    await writeFile(join(outer, 'outside.bin'), file);
    await symlink('../outside.bin', join(folder, 'link.bin'));
    await symlink('..', join(folder, 'linked'));
    await mkdir(join(outer, 'models-of-others'));
    await writeFile(join(outer, 'models-of-others/w.bin'), file);
    await symlink('../models-of-others/w.bin', join(folder, 'sibling.bin'));
    for (const [entries, message] of refused) {
      await writeFile(join(folder, 'm.onnx'), lying(entries));
      const error = await refusal(join(folder, 'm.onnx'));
      assert.is(error.code, 'model-malformed');
      if (message instanceof RegExp) assert.match(error.message, message);
      else assert.is(error.message, message);
    }
  }));

  test('names a file that is missing', () => inFolder(async folder => {
    await writeFile(join(folder, 'm.onnx'), lying({ location: 'none.bin' }));
    const error = await refusal(join(folder, 'm.onnx'));
    assert.is(error.code, 'file-unreadable');
    assert.is(error.message, `initializer 'w' lies in 'none.bin', which is not in ${folder}`);
  }));

  test('follows links where the model itself lies, as in a store of blobs', () => inFolder(async folder => {
    await mkdir(join(folder, 'blobs'));
    await mkdir(join(folder, 'snapshot'));
    await writeFile(join(folder, 'blobs/1'), lying({ location: 'w.bin' }));
    await writeFile(join(folder, 'blobs/2'), file);
    await symlink('../blobs/1', join(folder, 'snapshot/m.onnx'));
    await symlink('../blobs/2', join(folder, 'snapshot/w.bin'));
    assert.equal(elements(await readModelFile(join(folder, 'snapshot/m.onnx')), 'w'), [1, 2, 3, 4]);
  }));

  test('a model read without its folder is carried, but its weights cannot be read', () => {
    const bytes = lying({ location: 'w.bin', offset: '4' });
    sameMessage('ModelProto', writeModel(readModel(bytes)), bytes);
    assert.throws(() => elements(readModel(bytes), 'w'), (error: Error) =>
      error.message === "initializer 'w' lies in file 'w.bin', but the model was not read from a folder");
  });

  test('writing brings in content of every kind: weights, constants, subgraphs, functions', () => inFolder(async folder => {
    const there = (at: number) => tensor('', [1], 1, externalData({ location: 'w.bin', offset: String(at) }));
    const here = (value: number) => tensor('', [1], 1, rawData(new Uint8Array(Float32Array.of(value).buffer)));
    const whole = (at: (index: number) => Uint8Array) => model(graph(
      node('Constant', [], ['c'], field(5, field(1, 'value'), field(5, at(0)), field(20, 4))),
      node('If', ['x'], ['y'], field(5, field(1, 'then_branch'), field(6, node('Constant', [], ['t'], field(5, field(1, 'value'), field(5, at(4)), field(20, 4))), output('t')), field(20, 5))),
      field(5, at(8), field(8, 'w')), input('x'), output('y'),
    ), field(25, field(1, 'f'), field(7, field(4, 'Constant'), field(5, field(1, 'value'), field(5, at(12)), field(20, 4)))));
    await writeFile(join(folder, 'w.bin'), file);
    await writeFile(join(folder, 'm.onnx'), whole(there));
    sameMessage('ModelProto', writeModel(await readModelFile(join(folder, 'm.onnx'))), whole(at => here(1 + at / 4)));
  }));

  test('writing brings in sparse tensors, and every element of a list of tensors, graphs or sparse tensors', () => inFolder(async folder => {
    const there = (at: number) => tensor('s', [1], 1, externalData({ location: 'w.bin', offset: String(at), length: '4' }));
    const here = (value: number) => tensor('s', [1], 1, rawData(new Uint8Array(Float32Array.of(value).buffer)));
    const whole = (at: (index: number) => Uint8Array) => {
      const sparse = (index: number) => concat(field(1, at(index)), field(2, tensor('', [1], 7, rawData(new Uint8Array(8)))), field(3, 4));
      const branch = (index: number) => concat(node('Abs', ['x'], ['a']), field(5, at(index)), output('a'));
      return model(graph(
        node('Constant', [], ['c'], field(5, field(1, 'sparse_value'), field(20, 11), field(22, sparse(0)))),
        node('Odd', ['s', 'c'], ['y'],
          field(5, field(1, 'tensors'), field(10, at(4)), field(10, at(8)), field(20, 9)),
          field(5, field(1, 'graphs'), field(11, branch(12)), field(11, branch(16)), field(20, 10)),
          field(5, field(1, 'sparse_tensors'), field(20, 12), field(23, sparse(20)), field(23, sparse(24)))),
        input('x'), output('y'), field(15, sparse(28)),
      ));
    };
    await writeFile(join(folder, 'w.bin'), file);
    await writeFile(join(folder, 'm.onnx'), whole(there));
    sameMessage('ModelProto', writeModel(await readModelFile(join(folder, 'm.onnx'))), whole(at => here(1 + at / 4)));
  }));

  test('large weights go to a file beside the model, at pages, and come back; the runtime computes the same', () => inFolder(async folder => {
    const first = buildModel({
      inputs: { x: ['N', 30] }, outputs: { y: ['N', 5] },
      weights: { w: weight([30, 40]), v: weight([40, 5], { seed: 2 }), b: weight([5], { seed: 3 }) },
      nodes: [{ op: 'MatMul', in: ['x', 'w'], out: ['h'] }, { op: 'Gemm', in: ['h', 'v', 'b'], out: ['y'] }],
    });
    const path = join(folder, 'm.onnx');
    await writeModelFile(first, path, { externalBytes: 100, checksum: true });
    assert.equal((await readdir(folder)).sort(), ['m.onnx', 'm.onnx.data']);
    assert.is((await readFile(`${path}.data`)).length, 8192 + 800);
    assert.ok((await readFile(path)).length < 1000);
    const again = await readModelFile(path);
    for (const name of ['w', 'v', 'b']) assert.equal(elements(again, name), elements(first, name));
    const feeds = feedsFor(first);
    sameOutputs(await runModel(again, feeds), await runModel(first, feeds));
    await writeFile(`${path}.data`, new Uint8Array(8992));
    assert.match((await refusal(path)).message, /^initializer 'w' lies in a file with SHA-1 /);
  }));

  test('a model may be written over itself, and moved with its file', () => inFolder(async folder => {
    const path = join(folder, 'm.onnx');
    await writeModelFile(readModel(model(graph(node('Add', ['x', 'w'], ['y']), input('x'), output('y'),
      initializer('w', [8], 1, rawData(file)), initializer('typed', [3], 6, field(5, Uint8Array.of(7, 8, 9)))))), path, { externalBytes: 8 });
    await writeModelFile(await readModelFile(path), path, { externalBytes: 8 });
    await mkdir(join(folder, 'elsewhere'));
    for (const name of ['m.onnx', 'm.onnx.data']) await rename(join(folder, name), join(folder, 'elsewhere', name));
    const moved = await readModelFile(join(folder, 'elsewhere/m.onnx'));
    assert.equal(elements(moved, 'w'), [...content]);
    assert.equal(elements(moved, 'typed'), [7, 8, 9]);
  }));

  test('weights leave the model when they would pass 2 GiB with it', () => {
    const large = buildModel({ nodes: [], outputs: {}, weights: { w: float32Tensor([1], content.subarray(0, 1)) } });
    assert.is(externalThreshold(large.graph), Infinity);
    large.graph.value('w').initializer = { dtype: 'float32', dims: [2 ** 29], read: () => assert.unreachable('was read') as never };
    assert.ok(externalThreshold(large.graph) < Infinity);
    assert.throws(() => writeModel(large), (error: QuantpipeError) => error.code === 'output-unwritable');
  });

  test('an error while weights are written leaves the old files', () => inFolder(async folder => {
    const path = join(folder, 'm.onnx');
    await writeFile(path, 'old');
    const broken = buildModel({ nodes: [], outputs: {}, weights: { w: float32Tensor([8], content) } });
    broken.graph.value('w').initializer = { dtype: 'float32', dims: [8], read: () => { throw new Error('gone'); } };
    await writeModelFile(broken, path, { externalBytes: 8 }).then(() => assert.unreachable(), (error: Error) => assert.is(error.message, 'gone'));
    assert.equal(await readdir(folder), ['m.onnx']);
    assert.is(await readFile(path, 'utf8'), 'old');
  }));
});
