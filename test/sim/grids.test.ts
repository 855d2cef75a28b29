import fc from 'fast-check';
import * as assert from 'uvu/assert';

import { bfloat16FromFloats, floatsFromBfloat16, floatsFromHalves, halvesFromFloats } from '../../pipeline/base/half.ts';
import { float32Tensor } from '../../pipeline/base/tensor.ts';
import type { FloatQuantizer, Placement } from '../../pipeline/config/placement.ts';
import { type Engine, type EngineName, openEngine } from '../../pipeline/engine/index.ts';
import { qdqModel } from '../../pipeline/export/qdq-model.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { Kernels } from '../../pipeline/kernels/kernels.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { type Encoding, fitEncoding } from '../../pipeline/quant/encoding.ts';
import type { Granularity } from '../../pipeline/quant/granularity.ts';
import { type Grid, grid, steps, type Symmetry } from '../../pipeline/quant/grid.ts';
import { groupBlocks } from '../../pipeline/quant/lpbq.ts';
import { storageOf } from '../../pipeline/quant/stored.ts';
import { simulate } from '../../pipeline/sim/simulate.ts';
import { node } from '../export/models.ts';
import { fakeQuantWideOracle, type OracleMap, quantizeOracle } from '../oracles/quantize.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { placementOf } from '../support/placements.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { sameBits } from '../support/tensors.ts';

// One grid, three executors: the kernels, the simulated nodes and the exported ones. On every grid they give the same bits, and so (two codes
// are two values) the same codes; zero is zero; and what lies on the grid stays.

const kernels = await Kernels.load();

const symmetries: Symmetry[] = ['asymmetric', 'symmetric', 'strict-symmetric', 'unsigned-symmetric'];

interface Case { readonly codes: Grid; readonly encoding: Encoding; readonly values: Float32Array }

const anyCase = (bitwidth: fc.Arbitrary<number>): fc.Arbitrary<Case> => fc.record({
  bitwidth, symmetry: fc.constantFrom(...symmetries), min: fc.double({ min: -100, max: 0, noNaN: true }), max: fc.double({ min: 0, max: 100, noNaN: true }),
  seed: fc.nat(1000),
}).map(({ bitwidth, symmetry, min, max, seed }) => {
  const codes = grid(bitwidth, symmetry);
  const encoding = fitEncoding(symmetry === 'unsigned-symmetric' ? 0 : min, max, codes);
  return { codes, encoding, values: awkward(encoding, seed) };
});

/** Ties around the ends, around zero and in between, saturation, both zeros, and ordinary values. NaN is left out: engines differ there. */
function awkward({ delta, offset, grid: codes, min, max }: Encoding, seed: number): Float32Array {
  const scale = Math.fround(delta);
  const near = [offset, 0, offset + steps(codes), offset + Math.floor(steps(codes) / 3)];
  const ties = near.flatMap(code => Array.from({ length: 12 }, (_, i) => (code + i / 2 - 3) * scale));
  return Float32Array.of(...ties, 0, -0, 1e-45, 3.4e38, -3.4e38, Infinity, -Infinity, ...floats(60, { seed, min: 1.2 * min - 1, max: 1.2 * max + 1 }));
}

/** What the kernels make of it, as a whole and by its codes, which must be the oracle's. */
function byKernel({ codes, encoding, values }: Case): Float32Array {
  const map = { delta: encoding.delta, offset: encoding.offset, steps: steps(codes) };
  const real = new Float32Array(values.length);
  kernels.fakeQuant(values, real, map);
  const terms: OracleMap = { scale: encoding.delta, zeroPoint: -encoding.offset, lowest: 0, highest: steps(codes) };
  if (codes.bitwidth > 16) {
    sameBits(real, values.map(x => fakeQuantWideOracle(x, terms)), 'kernel');
    return real;
  }
  const stored = new Uint16Array(values.length);
  kernels.quantize(values, stored, map, 0);
  assert.equal([...stored], Array.from(values, x => quantizeOracle(x, terms)), 'codes');
  return real;
}

/** y = -x, quantized at y, so that a quantizer stands alone between a node and the graph's output. */
function quantizerOf({ codes, encoding }: Case, opset: number) {
  const model = buildModel({ opset, inputs: { x: ['N'] }, nodes: [node('Neg', ['x'], ['y'])], outputs: { y: ['N'] } });
  const { placement } = placementOf([{ tensor: 'y', grid: codes, ranges: [] }]);
  return { model, placement, encodings: new Map([['y', [encoding]]]) };
}

async function run(engine: Engine, model: Model, x: Float32Array, dims = [x.length]): Promise<Float32Array> {
  const session = await engine.load(writeModel(model), { fuseQuantized: false });
  try {
    return (await session.run({ x: float32Tensor(dims, x) }))[model.graph.outputs[0]!.name]!.data as Float32Array;
  } finally {
    await session.close();
  }
}

/** Seeded, and a failure names the grid: the library's own report would print all values of a case. */
async function forAll(cases: fc.Arbitrary<Case>, body: (given: Case) => Promise<void>, count: number): Promise<void> {
  for (const given of fc.sample(cases, { seed: 1, numRuns: count })) {
    await body(given).catch((error: Error) => {
      const { codes: { bitwidth, symmetry }, encoding: { delta, offset } } = given;
      throw new Error(`${bitwidth} bits, ${symmetry}, delta ${delta}, offset ${offset}: ${error.message}`, { cause: error });
    });
  }
}

const negated = (values: Float32Array) => values.map(x => -x);

for (const name of ['web', 'native'] as const satisfies EngineName[]) {
  suite(`sim/grids on the ${name} engine`, test => {
    const opened = openEngine(name);

    const agree = async (given: Case) => {
      const engine = await opened;
      const expected = byKernel(given);
      for (const opset of [13, 21]) {
        const { model, placement, encodings } = quantizerOf(given, opset);
        const simulated = simulate(model, placement, encodings);
        const plus = (values: Float32Array) => given.codes.bitwidth > 16 ? values.map(x => x + 0) : values; // arithmetic nodes keep the sign of zero
        const once = plus(await run(engine, simulated, negated(given.values)));
        sameBits(once, expected, `simulated, opset ${opset}`);
        sameBits(plus(await run(engine, simulated, negated(once))), once, 'again');
        sameBits(plus(await run(engine, simulated, new Float32Array(2))), new Float32Array(2), 'zero');
        for (const activationType of ['uint8', 'int8'] as const) {
          sameBits(plus(await run(engine, qdqModel(model, placement, encodings, { activationType }), negated(given.values))), expected, `exported as ${activationType}, opset ${opset}`);
        }
      }
    };

    for (const bitwidth of [4, 8, 16]) {
      test(`on ${bitwidth} bits, kernel, simulated and exported quantizer give equal codes for all inputs, ties included`, async () => {
        await forAll(anyCase(fc.constant(bitwidth)), agree, 12);
      });
    }

    test('on grids of any width they give equal bits, zero is zero, and quantizing again changes nothing', async () => {
      await forAll(anyCase(fc.integer({ min: 2, max: 32 })), agree, 25);
    });

    for (const [what, granularity] of [
      ['blocks along the rows', { kind: 'block', axis: 0, blockSize: 2, channelAxis: 1, decompressedBitwidth: null }],
      ['blocks along the columns', { kind: 'block', axis: 1, blockSize: 3, channelAxis: 0, decompressedBitwidth: null }],
      ['blocks that decompress to 8 bits', { kind: 'block', axis: 0, blockSize: 2, channelAxis: 1, decompressedBitwidth: 8 }],
    ] as const satisfies [string, Granularity][]) {
      for (const codes of [grid(4, 'symmetric'), grid(8, 'symmetric'), ...(granularity.decompressedBitwidth === null ? [grid(4), grid(16)] : [])]) {
        test(`a weight in ${what} of ${codes.bitwidth} bits, ${codes.symmetry}, is the same stored and simulated`, async () => {
          const dims = [4, 6];
          const model = buildModel({ opset: 13, inputs: { x: ['N', 4] }, weights: { w: weight(dims, { seed: 7 }) }, nodes: [node('MatMul', ['x', 'w'], ['y'])], outputs: { y: null } });
          const count = 24 / granularity.blockSize;
          const fitted = Array.from({ length: count }, (_, i) => fitEncoding(-0.9 + i / 50, 0.4 + i / 40, codes));
          const blocks = granularity.decompressedBitwidth === null ? fitted : groupBlocks(fitted, dims[granularity.channelAxis]!, 8);
          const placed = placementOf([{ tensor: 'w', role: 'weight', grid: codes, ranges: [] }]).placement;
          const placement: Placement = { ...placed, quantizers: placed.quantizers.map(quantizer => ({ ...quantizer, granularity })) };
          const encodings = new Map([['w', blocks]]);
          const rounded = simulate(model, placement, encodings).graph.values.get('w')!.initializer!.read().data as Float32Array;
          const original = model.graph.values.get('w')!.initializer!.read().data as Float32Array;
          sameBits(rounded, blockOracle(original, dims, granularity, blocks), 'simulated');
          const identity = Float32Array.from({ length: 16 }, (_, i) => i % 5 === 0 ? 1 : 0);
          for (const weightType of ['uint8', 'int8'] as const) {
            const exported = qdqModel(model, placement, encodings, { weightType });
            sameBits(await run(await opened, exported, identity, [4, 4]), rounded, weightType);
            assert.is(exported.graph.values.get('w_quantized')!.initializer!.dtype, storageOf(codes, weightType === 'int8').dtype);
          }
        });
      }
    }

    for (const [format, rounded] of [
      ['float16', (x: Float32Array) => floatsFromHalves(halvesFromFloats(x))], ['bfloat16', (x: Float32Array) => floatsFromBfloat16(bfloat16FromFloats(x))],
    ] as const) {
      test(`${format} activations and weights are rounded to the nearest, the same stored and simulated`, async () => {
        const values = Float32Array.of(...floats(50, { seed: 3, min: -9, max: 9 }), 0, -0, 65_504, 65_519, 65_520, 1e-7, -3e-8, 1e30);
        const model = buildModel({ opset: 13, inputs: { x: [58] }, weights: { w: float32Tensor([58], values) }, nodes: [node('Mul', ['x', 'w'], ['y'])], outputs: { y: [58] } });
        const quantizer = (tensor: string, role: FloatQuantizer['role']): FloatQuantizer => ({ tensor, role, format, rule: { section: 'defaults', path: 'defaults' } });
        const none = placementOf([]).placement;
        const ones = new Float32Array(58).fill(1);
        const weights: Placement = { ...none, floats: [quantizer('w', 'weight')] }, activations: Placement = { ...none, floats: [quantizer('x', 'activation')] };
        const identity = buildModel({ opset: 13, inputs: { x: [58] }, nodes: [node('Neg', ['x'], ['y'])], outputs: { y: [58] } });
        for (const made of [simulate, qdqModel]) {
          sameBits(await run(await opened, made(model, weights, new Map()), ones), rounded(values), 'weights');
          sameBits(negated(await run(await opened, made(identity, activations, new Map()), values)), rounded(values), 'activations');
        }
        assert.is(qdqModel(model, weights, new Map()).graph.values.get(`w_${format}`)!.initializer!.dtype, format);
      });
    }
  });
}

/** Each element by the equation of its block. */
function blockOracle(values: Float32Array, [, columns]: readonly number[], { axis, blockSize }: Granularity & { kind: 'block' }, blocks: readonly Encoding[]): Float32Array {
  return values.map((x, i) => {
    const [row, column] = [Math.floor(i / columns!), i % columns!];
    const number = axis === 0 ? column * (4 / blockSize) + Math.floor(row / blockSize) : row * (columns! / blockSize) + Math.floor(column / blockSize);
    const { delta, offset, grid: codes } = blocks[number]!;
    const terms: OracleMap = { scale: delta, zeroPoint: -offset, lowest: 0, highest: steps(codes) };
    return Math.fround((quantizeOracle(x, terms) + offset) * Math.fround(delta));
  });
}
