// Layers one by one, on every grid of their weights: engines fuse by what stands next to a layer, so what they do to a model of one layer tells.

import * as assert from 'uvu/assert';

import { placeQuantizers, type PlacementOptions } from '../../pipeline/config/place-quantizers.ts';
import { exportWishOf, loadConfig } from '../../pipeline/config/presets/index.ts';
import { openEngine } from '../../pipeline/engine/index.ts';
import { type QdqOptions, qdqModel } from '../../pipeline/export/qdq-model.ts';
import { intAttribute, intsAttribute } from '../../pipeline/graph/attribute.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { simulate } from '../../pipeline/sim/simulate.ts';
import { buildModel, feedsFor, type ModelSketch, weight } from '../support/graphs.ts';
import { madeUpEncodings } from '../support/made-up.ts';
import { suite } from '../support/suite.ts';
import { node } from './models.ts';

const [images, rows, matrices] = [[2, 4, 5, 5], [2, 8], [2, 3, 5, 8]];
/** A layer from x to y, whose weight is w. */
const layer = (x: number[], weights: Record<string, number[]>, line: ReturnType<typeof node>): ModelSketch => ({
  opset: 13, inputs: { x }, weights: Object.fromEntries(Object.entries(weights).map(([name, dims], seed) => [name, weight(dims, { seed })])), nodes: [line], outputs: { y: null },
});
const layers: Readonly<Record<string, ModelSketch>> = {
  'Conv': layer(images, { w: [4, 4, 3, 3] }, node('Conv', ['x', 'w'], ['y'])),
  'Conv with a bias': layer(images, { w: [4, 4, 3, 3], b: [4] }, node('Conv', ['x', 'w', 'b'], ['y'])),
  'Conv of one dimension': layer([2, 4, 9], { w: [4, 4, 3] }, node('Conv', ['x', 'w'], ['y'])),
  'Conv in groups': layer(images, { w: [4, 2, 3, 3] }, node('Conv', ['x', 'w'], ['y'], { group: intAttribute(2) })),
  'depthwise Conv': layer(images, { w: [4, 1, 3, 3] }, node('Conv', ['x', 'w'], ['y'], { group: intAttribute(4) })),
  'depthwise Conv and Relu': { ...layer(images, { w: [4, 1, 3, 3] }, node('Conv', ['x', 'w'], ['c'], { group: intAttribute(4) })), nodes: [node('Conv', ['x', 'w'], ['c'], { group: intAttribute(4) }), node('Relu', ['c'], ['y'])] },
  'ConvTranspose': layer(images, { w: [4, 4, 2, 2] }, node('ConvTranspose', ['x', 'w'], ['y'], { strides: intsAttribute([2, 2]) })),
  'MatMul': layer(rows, { w: [8, 6] }, node('MatMul', ['x', 'w'], ['y'])),
  'MatMul of a batch': layer(matrices, { w: [8, 6] }, node('MatMul', ['x', 'w'], ['y'])),
  'MatMul by a batch': layer(matrices, { w: [3, 8, 6] }, node('MatMul', ['x', 'w'], ['y'])),
  'MatMul from the left': layer([2, 8, 5], { w: [6, 8] }, node('MatMul', ['w', 'x'], ['y'])),
  'Gemm': layer(rows, { w: [8, 6] }, node('Gemm', ['x', 'w'], ['y'])),
  'Gemm with a bias, transposed': layer(rows, { w: [6, 8], b: [6] }, node('Gemm', ['x', 'w', 'b'], ['y'], { transB: intAttribute(1) })),
};
const grids: Readonly<Record<string, PlacementOptions & Pick<QdqOptions, 'depthwise'>>> = {
  '8 bits': {}, '4 bits': { weightBitwidth: 4 }, '16 bits': { weightBitwidth: 16 },
  'depthwise in float, beside 8 bits': { depthwise: 'float' }, 'depthwise in float, beside 16 bits': { activationBitwidth: 16, depthwise: 'float' },
  '8 bits in blocks': { blocks: { blockSize: 2, decompressedBitwidth: null, undivided: 'skip' } },
  '4 bits in blocks': { weightBitwidth: 4, blocks: { blockSize: 2, decompressedBitwidth: null, undivided: 'skip' } },
  'blocks that decompress to 8 bits': { weightBitwidth: 4, blocks: { blockSize: 2, decompressedBitwidth: 8, undivided: 'skip' } },
};

suite('export/lone-layers', test => {
  for (const [name, sketch] of Object.entries(layers)) {
    test(`${name}: on every grid of its weight, engines give what is simulated, to a step of the output`, async () => {
      const { model } = prepareModel(buildModel(sketch));
      const feeds = feedsFor(model);
      for (const preset of ['per-channel', 'default', 'tensorrt']) for (const [grid, { depthwise = 'integer', ...options }] of Object.entries(grids)) {
        const placement = placeQuantizers(model, loadConfig(preset), options);
        const encodings = madeUpEncodings(model.graph, placement, tensor => tensor === 'y' ? 4 : 1);
        const step = encodings.get('y')?.[0]!.delta ?? 1e-3;
        for (const engineName of ['native', 'web'] as const) {
          const engine = await openEngine(engineName), outputs: Float32Array[] = [];
          for (const [form, fuseQuantized] of [[simulate(model, placement, encodings), false], [qdqModel(model, placement, encodings, { ...exportWishOf(preset), depthwise }), true]] as const) {
            const session = await engine.load(writeModel(form), { fuseQuantized });
            outputs.push((await session.run(feeds))['y']!.data as Float32Array);
            await session.close();
          }
          const [simulated, exported] = outputs as [Float32Array, Float32Array];
          const far = Math.max(...simulated.map((value, i) => Math.abs(value - exported[i]!)));
          assert.ok(far <= 1.01 * step, `${preset}, ${grid}, ${engineName}: ${far} with steps of ${step}`);
        }
      }
    });
  }
});
