import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { Kernels } from '../../pipeline/kernels/kernels.ts';
import type { Encoding } from '../../pipeline/quant/encoding.ts';
import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { grid, steps } from '../../pipeline/quant/grid.ts';
import { encodingQuality } from '../../pipeline/sim/quality.ts';
import { buildModel } from '../support/graphs.ts';
import { placementOf } from '../support/placements.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';

const kernels = await Kernels.load();

/** x [N, 64] → MatMul(w) → y, with w of 64 × 2. */
const inputs = floats(4096, { seed: 1, min: -3, max: 3 });
const weights = floats(128, { seed: 2, min: -3, max: 3 });
const { graph } = buildModel({
  inputs: { x: ['N', 64] }, weights: { w: float32Tensor([64, 2], weights) }, nodes: [{ op: 'MatMul', in: ['x', 'w'], out: ['y'] }], outputs: { y: ['N', 2] },
});
const { placement } = placementOf([{ tensor: 'x', ranges: [] }, { tensor: 'w', role: 'weight', axis: 1, ranges: [] }]);
/** What is beyond 2 is clipped, and costs most. */
const clipping = fitEncoding(-2, 2, grid(8));
/** The second channel keeps everything. */
const channels = [fitEncoding(-2, 2, grid(8, 'symmetric')), fitEncoding(-3, 3, grid(8, 'symmetric'))];

function decibels(x: Float32Array, encodingOf: (i: number) => Encoding): number {
  let [signal, noise] = [0, 0];
  x.forEach((value, i) => {
    const { delta, offset, grid: { bitwidth, symmetry } } = encodingOf(i);
    const code = Math.min(Math.max(Math.round(value / delta), offset), offset + steps({ bitwidth, symmetry }));
    signal += value ** 2;
    noise += (value - delta * code) ** 2;
  });
  return 10 * Math.log10(signal / noise);
}

suite('sim/quality', test => {
  const of = (encodings: Map<string, Encoding[]>, x = inputs) => encodingQuality(graph, placement, encodings, { model: '', samples: 64, shards: null, tensors: new Map([['x', kernels.observe(x)]]) }, kernels);
  const [activation, weight] = of(new Map([['x', [clipping]], ['w', channels]]));

  test('the SQNR of an activation is that of its values, where clipping counts like rounding, as far as bins of 2^-7 can tell', () => {
    assert.ok(Math.abs(activation!.sqnr - decibels(inputs, () => clipping)) < 0.1, `${activation!.sqnr} dB, expected ${decibels(inputs, () => clipping)} dB`);
  });

  test('the SQNR of a weight is that of its values, each with the encoding of its channel', () => {
    const expected = decibels(weights, i => channels[i % 2]!);
    assert.ok(Math.abs(weight!.sqnr - expected) < 1e-3, `${weight!.sqnr} dB, expected ${expected} dB`);
  });

  test('a row tells the widest ends of its channels', () => {
    assert.equal([weight!.min, weight!.max], [channels[1]!.min, channels[1]!.max]);
  });

  test('a tensor of zeros loses nothing', () => {
    const [zeros] = of(new Map([['x', [clipping]], ['w', channels]]), new Float32Array(64));
    assert.is(zeros!.sqnr, Infinity);
  });
});
