import * as assert from 'uvu/assert';

import { elementCount, float32Tensor, type Tensor } from '../../pipeline/base/tensor.ts';
import { columnsAsChannels } from '../../pipeline/export/columns-as-channels.ts';
import { intAttribute, intsAttribute, stringAttribute } from '../../pipeline/graph/attribute.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { buildModel, equivalent, type NodeLine, runModel, sameOutputs } from '../support/graphs.ts';
import { uniform } from '../support/random.ts';
import { suite } from '../support/suite.ts';

type Codes = 'uint8' | 'int8';

const scalar = (value: number): Tensor => float32Tensor([], Float32Array.of(value));
const codes = (dtype: Codes, dims: readonly number[], code: (i: number) => number): Tensor => {
  const values = Array.from({ length: elementCount(dims) }, (_, i) => code(i));
  return { dtype, dims, data: dtype === 'uint8' ? Uint8Array.from(values) : Int8Array.from(values) };
};

interface Sketch {
  readonly kernel: readonly number[];
  readonly attributes?: NodeLine['attributes'];
  readonly weightType?: Codes;
  readonly imageType?: Codes;
  readonly zeroPoint?: number;
  /** Between the convolution and its quantizer. */
  readonly after?: string;
  readonly image?: readonly (number | string)[];
}

/** q (codes) → DequantizeLinear → Conv with an integer kernel, per channel, and an int32 bias → QuantizeLinear → y (codes). */
function layer({ kernel, attributes = {}, weightType = 'int8', imageType = 'uint8', zeroPoint = 0, after, image = ['N', 1, 9, 'W'] }: Sketch): Model {
  const next = uniform(kernel.reduce((seed, dim) => 31 * seed + dim, 7)), outputs = kernel[0]!;
  const result = after === undefined ? 'c' : 'a';
  return buildModel({
    opset: 13, inputs: { q: { dtype: imageType, shape: image } }, outputs: { y: null },
    weights: {
      s: scalar(0.02), z: codes(imageType, [], () => 3), k: codes(weightType, kernel, () => Math.floor(next() * 256) - (weightType === 'int8' ? 128 : 0)),
      ks: float32Tensor([outputs], Float32Array.from({ length: outputs }, () => 0.01 + next() / 100)), kz: codes(weightType, [outputs], () => zeroPoint),
      b: { dtype: 'int32', dims: [outputs], data: Int32Array.from({ length: outputs }, () => Math.floor(next() * 1000) - 500) }, bs: scalar(0.0002), ys: scalar(0.3), yz: codes('uint8', [], () => 100),
    },
    nodes: [
      { op: 'DequantizeLinear', in: ['q', 's', 'z'], out: ['x'] }, { op: 'DequantizeLinear', in: ['k', 'ks', 'kz'], out: ['w'], attributes: { axis: intAttribute(0) } },
      { op: 'DequantizeLinear', in: ['b', 'bs'], out: ['bias'] }, { op: 'Conv', in: ['x', 'w', 'bias'], out: ['c'], attributes },
      ...(after === undefined ? [] : [{ op: after, in: ['c'], out: ['a'] }]), { op: 'QuantizeLinear', in: [result, 'ys', 'yz'], out: ['y'] },
    ],
  });
}

const pads = (...values: number[]) => ({ pads: intsAttribute(values) });

suite('export/columns-as-channels', test => {
  const spread: Readonly<Record<string, Sketch>> = {
    '3 x 3': { kernel: [16, 1, 3, 3], attributes: pads(1, 1, 1, 1) },
    '3 x 3, without padding': { kernel: [16, 1, 3, 3] },
    '5 x 5, padded on one side only': { kernel: [17, 1, 5, 5], attributes: pads(0, 4, 2, 0) },
    '2 x 7, several rows at a time': { kernel: [20, 1, 2, 7], attributes: { ...pads(1, 3, 0, 3), strides: intsAttribute([2, 1]), kernel_shape: intsAttribute([2, 7]) } },
    '4 x 4, rows apart': { kernel: [16, 1, 4, 4], attributes: { dilations: intsAttribute([2, 1]), ...pads(0, 1, 0, 2) } },
    '1 x 3, with Relu': { kernel: [32, 1, 1, 3], attributes: pads(0, 1, 0, 1), after: 'Relu' },
  };
  for (const [what, sketch] of Object.entries(spread)) {
    test(`a kernel of ${what} gives the same codes, as the engine fuses it and as it stands`, async () => {
      const q = codes('uint8', [2, 1, 9, 11], i => (i * 37 + i * i) % 256);
      const model = layer(sketch);
      const after = await equivalent(model, ({ graph }) => columnsAsChannels(graph), { rewrites: 1, feeds: { q } });
      sameOutputs(await runModel(after, { q }, 'all'), await runModel(model, { q }, 'all'));
    });
  }

  const alone: Readonly<Record<string, Sketch>> = {
    'three channels': { kernel: [16, 3, 3, 3], image: ['N', 3, 9, 9] },
    'depthwise': { kernel: [16, 1, 3, 3], image: ['N', 16, 9, 9], attributes: { group: intAttribute(16) } },
    'few outputs': { kernel: [8, 1, 3, 3] },
    'one column': { kernel: [16, 1, 3, 1] },
    'one dimension': { kernel: [16, 1, 3], image: ['N', 1, 9] },
    'uint8 weights': { kernel: [16, 1, 3, 3], weightType: 'uint8', zeroPoint: 128 },
    'weights around another code': { kernel: [16, 1, 3, 3], zeroPoint: 1 },
    'int8 activations': { kernel: [16, 1, 3, 3], imageType: 'int8' },
    'every second column': { kernel: [16, 1, 3, 3], attributes: { strides: intsAttribute([1, 2]) } },
    'columns apart': { kernel: [16, 1, 3, 3], attributes: { dilations: intsAttribute([1, 2]) } },
    'padding by itself': { kernel: [16, 1, 3, 3], attributes: { auto_pad: stringAttribute('SAME_UPPER') } },
    'a result that stays in float': { kernel: [16, 1, 3, 3], after: 'Tanh' },
  };
  for (const [what, sketch] of Object.entries(alone)) {
    test(`left alone: ${what}`, () => assert.is(columnsAsChannels(layer(sketch).graph).rewrites, 0));
  }
});
