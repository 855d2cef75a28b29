import { readdir, readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { type DType, elementCount, float32Tensor, type Tensor, type TensorData } from '../../pipeline/base/tensor.ts';
import { openEngine, type EngineName, type Feeds, type Session } from '../../pipeline/engine/index.ts';
import { nativeEngine } from '../../pipeline/engine/native.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { buildModel, type ModelSketch } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { near } from '../support/tensors.ts';

const engines: readonly EngineName[] = ['web', 'native'];
const folder = 'fixtures/models';
const models = (await readdir(folder)).filter(name => name.endsWith('.onnx'));

async function load(engine: EngineName, sketch: ModelSketch): Promise<Session> {
  return (await openEngine(engine)).load(writeModel(buildModel(sketch)));
}

function seededFeeds({ inputs }: Session): Feeds {
  return Object.fromEntries(inputs.map(({ name, shape }, at) => {
    const dims = shape!.map(dim => typeof dim === 'number' ? dim : 2);
    return [name, float32Tensor(dims, floats(elementCount(dims), { seed: at + 1, min: 0, max: 1 }))];
  }));
}

async function failure(promise: Promise<unknown>): Promise<QuantpipeError> {
  const error = await promise.then(() => null, (error: unknown) => error);
  assert.instance(error, QuantpipeError);
  return error as QuantpipeError;
}

/** An input and its Identity, so that every element type makes the way there and back. */
const identity = (dtype: DType): ModelSketch => ({
  inputs: { x: { dtype, shape: ['N', null] } },
  nodes: [{ op: 'Identity', in: ['x'], out: ['y'] }],
  outputs: { y: { dtype, shape: ['N', null] } },
});

const everyType: readonly (readonly [DType, TensorData])[] = [
  ['float32', Float32Array.of(-1.5, NaN, Infinity)],
  ['float64', Float64Array.of(-1.5, 1e300, 0.1)],
  ['float16', Uint16Array.of(0x3c00, 0xfc00, 0x0001)],
  ['int8', Int8Array.of(-128, 0, 127)],
  ['uint8', Uint8Array.of(0, 1, 255)],
  ['int16', Int16Array.of(-32768, 0, 32767)],
  ['uint16', Uint16Array.of(0, 1, 65535)],
  ['int32', Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1)],
  ['uint32', Uint32Array.of(0, 1, 2 ** 32 - 1)],
  ['int64', BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n)],
  ['uint64', BigUint64Array.of(0n, 1n, 2n ** 64n - 1n)],
  ['bool', Uint8Array.of(0, 1, 1)],
  ['string', ['', 'a', 'é€']],
];

suite('engine', test => {
  for (const name of models) {
    test(`web and native agree on ${name}, and on what it reads`, async () => {
      const bytes = await readFile(`${folder}/${name}`);
      const [web, native] = await Promise.all(engines.map(async engine => (await openEngine(engine)).load(bytes)));
      assert.equal(web!.inputs, native!.inputs);
      assert.equal(web!.outputs, native!.outputs);
      const [ours, theirs] = [await web!.run(seededFeeds(web!)), await native!.run(seededFeeds(native!))];
      for (const output of native!.outputs) {
        assert.equal(ours[output]!.dims, theirs[output]!.dims);
        const [a, b] = [ours[output]!.data as Float32Array, theirs[output]!.data as Float32Array];
        const largest = b.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        near(a.map(x => x / largest + 2), b.map(x => x / largest + 2), 1e-5, output);
      }
      await Promise.all([web!.close(), native!.close()]);
    });
  }

  for (const engine of engines) {
    test(`${engine} tells name, element type and shape of inputs; a free dimension is its symbol or null`, async () => {
      const session = await load(engine, {
        inputs: { a: ['N', 3, null], b: { dtype: 'int64', shape: [2] } },
        nodes: [{ op: 'Cast', in: ['b'], out: ['c'], attributes: { to: { kind: 'int', value: 1n } } }, { op: 'Identity', in: ['a'], out: ['y'] }],
        outputs: { y: null, c: null },
      });
      assert.equal(session.inputs, [{ name: 'a', dtype: 'float32', shape: ['N', 3, null] }, { name: 'b', dtype: 'int64', shape: [2] }]);
      assert.equal(session.outputs, ['y', 'c']);
      await session.close();
    });

    for (const [dtype, data] of everyType) {
      test(`${engine} hands ${dtype} through unchanged`, async () => {
        const session = await load(engine, identity(dtype));
        const x: Tensor = { dtype, dims: [1, 3], data };
        const { y } = await session.run({ x });
        assert.is(y!.dtype, dtype);
        assert.equal(y!.dims, [1, 3]);
        assert.is(y!.data.constructor, data.constructor);
        assert.equal([...y!.data].map(String), [...data].map(String));
        await session.close();
      });
    }

    test(`${engine} loads a model from memory that threads share`, async () => {
      const bytes = writeModel(buildModel(identity('float32')));
      const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
      shared.set(bytes);
      const session = await (await openEngine(engine)).load(shared);
      assert.equal(session.outputs, ['y']);
      await session.close();
    });

    test(`${engine} returns only the outputs that were asked for`, async () => {
      const session = await load(engine, {
        inputs: { x: [2] },
        nodes: [{ op: 'Relu', in: ['x'], out: ['y'] }, { op: 'Neg', in: ['y'], out: ['z'] }],
        outputs: { y: [2], z: [2] },
      });
      const outputs = await session.run({ x: float32Tensor([2], Float32Array.of(-1, 2)) }, ['z']);
      assert.equal(Object.keys(outputs), ['z']);
      assert.equal([...outputs['z']!.data].map(String), ['0', '-2']);
      await session.close();
    });

    test(`${engine} names an operator that it does not know`, async () => {
      const unknown = await failure(load(engine, { inputs: { x: [1] }, nodes: [{ op: 'Frobnicate', name: 'f1', in: ['x'], out: ['y'] }], outputs: { y: [1] } }));
      assert.is(unknown.code, 'engine-failed');
      assert.match(unknown.message, /No Op registered for Frobnicate/);
      assert.is(unknown.context['operator'], 'Frobnicate');
    });

    test(`${engine} refuses what is no model`, async () => {
      const junk = await failure((await openEngine(engine)).load(Uint8Array.of(1, 2, 3)));
      assert.is(junk.code, 'engine-failed');
      assert.match(junk.message, new RegExp(`^engine '${engine}' cannot load the model: `));
    });

    test(`${engine} says what went wrong in a run, without the paths of its own source`, async () => {
      const session = await load(engine, { inputs: { a: ['N'], b: ['M'] }, nodes: [{ op: 'Add', name: 'add1', in: ['a', 'b'], out: ['y'] }], outputs: { y: null } });
      const feeds = { a: float32Tensor([2], floats(2)), b: float32Tensor([3], floats(3)) };
      const broken = await failure(session.run(feeds));
      assert.is(broken.code, 'engine-failed');
      assert.match(broken.message, /broadcast.*2 by 3/);
      assert.not.match(broken.message, /onnxruntime\/core|ERROR_CODE/);
      if (engine === 'native') assert.is(broken.context['node'], 'add1');
      assert.equal(Object.keys(await session.run({ ...feeds, b: feeds.a })), ['y']);
      await session.close();
    });

    test(`${engine} cannot be fed bfloat16, and says so`, async () => {
      const session = await load(engine, identity('float32'));
      const refused = await failure(session.run({ x: { dtype: 'bfloat16', dims: [1, 1], data: Uint16Array.of(0) } }));
      assert.match(refused.message, /'x' is bfloat16/);
      await session.close();
    });
  }

  test('runs in a worker thread', async () => {
    const model = writeModel(buildModel(identity('float32')));
    const [index, from] = [new URL('../../pipeline/engine/index.js', import.meta.url).href, 'node:worker_threads'];
    const code = `
      import { parentPort, workerData } from '${from}';
      import { openEngine } from '${index}';
      const session = await (await openEngine('web')).load(workerData);
      const { y } = await session.run({ x: { dtype: 'float32', dims: [1, 1], data: Float32Array.of(7) } });
      parentPort.postMessage(y.data[0]);`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { workerData: model });
    const answer = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    assert.is(answer, 7);
    await worker.terminate();
  });

  test("'auto' is native where it is installed", async () => {
    assert.is((await openEngine('auto')).name, 'native');
  });

  test("'auto' is web where it is not, and tells where it is broken", async () => {
    const opening = (error: Error) => openEngine('auto', () => nativeEngine(() => Promise.reject(error)));
    const absent = await opening(Object.assign(new Error("Cannot find package 'onnxruntime-node'"), { code: 'ERR_MODULE_NOT_FOUND' }));
    assert.equal([absent.name, absent.notice], ['web', undefined]);
    const broken = await opening(new Error('wrong ELF class'));
    assert.is(broken.name, 'web');
    assert.match(broken.notice!, /^engine 'web' is used: engine 'native' .*wrong ELF class/);
  });

  test('an absent onnxruntime-node is an error that says what to install', async () => {
    const absent = Object.assign(new Error("Cannot find package 'onnxruntime-node'"), { code: 'ERR_MODULE_NOT_FOUND' });
    const error = await failure(nativeEngine(() => Promise.reject(absent)));
    assert.is(error.code, 'config-invalid');
    assert.match(error.message, /not installed; npm install onnxruntime-node/);
  });
});
