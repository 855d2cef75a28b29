import * as assert from 'uvu/assert';

import { float32Tensor, type Tensor } from '../../pipeline/base/tensor.ts';
import type { EncodingTable, Placement } from '../../pipeline/config/placement.ts';
import { type Engine, type EngineName, openEngine, type SessionOptions } from '../../pipeline/engine/index.ts';
import { qdqModel } from '../../pipeline/export/qdq-model.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { type Grid, grid } from '../../pipeline/quant/grid.ts';
import { PER_TENSOR, splitOf } from '../../pipeline/quant/granularity.ts';
import { fakeQuantized } from '../../pipeline/quant/stored.ts';
import { simulate } from '../../pipeline/sim/simulate.ts';
import { node, smallNetwork } from '../export/models.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { placementOf } from '../support/placements.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { near, sameBits } from '../support/tensors.ts';

const asItStands: SessionOptions = { fuseQuantized: false };

async function run(engine: Engine, model: Model, feeds: Record<string, Tensor>, options = asItStands): Promise<Float32Array> {
  const session = await engine.load(writeModel(model), options);
  try {
    return (await session.run(feeds))[model.graph.outputs[0]!.name]!.data as Float32Array;
  } finally {
    await session.close();
  }
}

/** y = x, quantized at x: shows what the operators of a quantizer do to a value. */
function quantizerOf(codes: Grid, range: [number, number]) {
  const model = buildModel({ opset: 13, inputs: { x: ['N'] }, nodes: [node('Abs', ['x'], ['y'])], outputs: { y: null } });
  return { model, ...placementOf([{ tensor: 'x', grid: codes, ranges: [range] }]) };
}

const abs = (values: Float32Array) => values.map(Math.abs);

/** x · w, with w as a constant of `channels` columns. */
function product(codes: Grid, axis?: number) {
  const model = buildModel({ opset: 13, inputs: { x: [3, 3] }, weights: { w: weight([3, 4], { seed: 7 }) }, nodes: [node('MatMul', ['x', 'w'], ['y'])], outputs: { y: null } });
  const ranges = axis === undefined ? [[-1.5, 1.9] as const] : Array.from({ length: 4 }, (_, i) => [-1, 0.5 + i / 2] as const);
  return { model, ...placementOf([{ tensor: 'w', role: 'weight', grid: codes, ...(axis === undefined ? {} : { axis }), ranges }]) };
}

/** A layer of two outputs whose four-bit weight is in blocks of two, with the steps of its bias. */
function inBlocks({ op, dims, axis, shape }: { op: string; dims: number[]; axis: number; shape: number[] }, decompressedBitwidth: number | null) {
  const model = buildModel({ opset: 13, inputs: { x: shape }, weights: { w: weight(dims, { min: -1, max: 1 }), b: float32Tensor([2], Float32Array.of(0.1234, -0.777)) }, nodes: [node(op, ['x', 'w', 'b'], ['y'])], outputs: { y: null } });
  const deltas = [[2 ** -4, 2 ** -6], [2 ** -3, 2 ** -2]];
  const { placement, encodings } = placementOf([
    { tensor: 'x', ranges: [[0, 255 / 8]] },
    { tensor: 'w', role: 'weight', grid: grid(4, 'symmetric'), granularity: { kind: 'block', axis, blockSize: 2, channelAxis: 1 - axis, decompressedBitwidth }, ranges: deltas.flat().map(delta => [-7 * delta, 7 * delta] as const) },
  ], [{ tensor: 'b', input: 'x', weight: 'w', node: `${op}_y` }]);
  return { model, placement, encodings, steps: deltas.map(own => Math.max(...own) / (decompressedBitwidth === null ? 1 : 16) / 8) };
}

const identity = float32Tensor([3, 3], Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1));

for (const name of ['web', 'native'] as const satisfies EngineName[]) {
  suite(`sim/simulate on the ${name} engine`, test => {
    test('a constant that is a graph output too is given out as it was, as by the exported model', async () => {
      const { model, placement, encodings } = product(grid(4));
      model.graph.outputs.unshift(model.graph.values.get('w')!);
      const feeds = { x: weight([3, 3]) };
      const float = model.graph.outputs[0]!.initializer!.read().data as Float32Array;
      const simulated = simulate(model, placement, encodings);
      const engine = await openEngine(name);
      sameBits(await run(engine, simulated, feeds), float);
      sameBits(await run(engine, qdqModel(model, placement, encodings), feeds), float);
      assert.is.not(simulated.graph.nodes[0]!.inputs[1], simulated.graph.outputs[0]);
    });

    const engine = openEngine(name);

    test('a simulated model computes what the exported one does', async () => {
      const { model, placement, encodings } = smallNetwork();
      const image = float32Tensor([5, 1, 4, 4], floats(80, { seed: 9, min: -1, max: 1.5 }));
      const simulated = await run(await engine, simulate(model, placement, encodings), { image });
      for (const weightType of ['uint8', 'int8'] as const) {
        sameBits(await run(await engine, qdqModel(model, placement, encodings, { weightType }), { image }), simulated, weightType);
      }
      const float = await run(await engine, model, { image });
      assert.ok(float.some((value, i) => value !== simulated[i]));
    });

    for (const codes of [grid(8), grid(8, 'symmetric'), grid(8, 'strict-symmetric'), grid(8, 'unsigned-symmetric'), grid(4), grid(3, 'symmetric'), grid(16), grid(16, 'symmetric'), grid(20)]) {
      test(`a quantizer of ${codes.bitwidth} bits, ${codes.symmetry}, rounds ties to even and saturates`, async () => {
        const { model, placement, encodings } = quantizerOf(codes, [-2, 3]);
        const [encoding] = encodings.get('x')!;
        const ties = Float32Array.from({ length: 40 }, (_, i) => Math.fround(encoding!.delta) * (i - 20 + 0.5));
        const x = Float32Array.of(...ties, ...floats(60), -1e30, 1e30, -0, 0);
        const expected = abs(fakeQuantized(x, splitOf([x.length], PER_TENSOR), [encoding!]));
        sameBits(await run(await engine, simulate(model, placement, encodings), { x: float32Tensor([x.length], x) }), expected);
      });
    }

    for (const [codes, axis] of [[grid(8, 'symmetric'), 1], [grid(8, 'symmetric'), undefined], [grid(8, 'strict-symmetric'), 1], [grid(4, 'symmetric'), 1], [grid(8), 1], [grid(5), undefined]] as const) {
      test(`a weight of ${codes.bitwidth} bits, ${codes.symmetry}, is the same stored and simulated (${axis === undefined ? 'per tensor' : 'per channel'})`, async () => {
        const { model, placement, encodings } = product(codes, axis);
        const simulated = simulate(model, placement, encodings);
        const expected = simulated.graph.values.get('w')!.initializer!.read().data as Float32Array;
        for (const weightType of ['uint8', 'int8'] as const) {
          sameBits(await run(await engine, qdqModel(model, placement, encodings, { weightType }), { x: identity }), expected, weightType);
        }
      });
    }

    test('a bias is rounded as stored, or left in float', async () => {
      const { model, placement, encodings } = smallNetwork();
      const image = float32Tensor([1, 1, 4, 4], new Float32Array(16));
      const only: Placement = { ...placement, quantizers: placement.quantizers.filter(({ role }) => role === 'weight') };
      const coarse: EncodingTable = new Map([...encodings, ['image', [{ ...encodings.get('image')![0]!, delta: 50 }]]]);
      const [rounded, left] = [await run(await engine, simulate(model, only, coarse), { image }), await run(await engine, simulate(model, only, coarse, { bias: 'float' }), { image })];
      sameBits(await run(await engine, qdqModel(model, only, coarse), { image }), rounded);
      assert.ok(rounded.some((value, i) => value !== left[i]));
    });

    for (const decompressedBitwidth of [null, 8]) {
      for (const layer of [
        { op: 'Conv', dims: [2, 4, 1, 1], axis: 1, shape: [1, 4, 2, 1] }, { op: 'ConvTranspose', dims: [4, 2, 1, 1], axis: 0, shape: [1, 4, 2, 1] }, { op: 'Gemm', dims: [4, 2], axis: 0, shape: [2, 4] },
      ]) {
        test(`a bias of ${layer.op} beside ${decompressedBitwidth === null ? 'blocks' : 'multiples of a delta'} is rounded to the step of its channel, stored as simulated, fused or not`, async () => {
          const { model, placement, encodings, steps } = inBlocks(layer, decompressedBitwidth);
          const bias = model.graph.values.get('b')!.initializer!.read().data as Float32Array;
          const rounded = Array.from(bias, (value, i) => Math.round(value / steps[i]!) * steps[i]!);
          const zero = float32Tensor(layer.shape, new Float32Array(8)), x = float32Tensor(layer.shape, floats(8, { seed: 5, min: 0, max: 12 }));
          const [simulated, exported] = [simulate(model, placement, encodings), qdqModel(model, placement, encodings)];
          assert.is(exported.graph.values.get('b_quantized')!.initializer!.dtype, 'int32');
          const channelOf = (i: number) => layer.op === 'Gemm' ? i % 2 : Math.floor(i / 2);
          (await run(await engine, simulated, { x: zero })).forEach((y, i) => assert.ok(Math.abs(y - rounded[channelOf(i)]!) < 1e-6, `${y} for ${rounded[channelOf(i)]}`));
          const expected = await run(await engine, simulated, { x });
          sameBits(await run(await engine, exported, { x }), expected, 'as it stands');
          near(await run(await engine, exported, { x }, {}), expected, 1e-6, 'fused');
        });
      }
    }
  });
}
