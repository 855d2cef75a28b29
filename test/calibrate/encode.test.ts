import * as assert from 'uvu/assert';

import { findEncoding, type SchemeName } from '../../pipeline/analyzers/index.ts';
import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { encode, type EncodeOptions } from '../../pipeline/calibrate/encode.ts';
import type { Placement, Quantizer } from '../../pipeline/config/placement.ts';
import { Kernels } from '../../pipeline/kernels/kernels.ts';
import type { Statistics, TensorStatistics } from '../../pipeline/observers/statistics.ts';
import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { buildModel, type ModelSketch, weight } from '../support/graphs.ts';
import { placementOf } from '../support/placements.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';

const kernels = await Kernels.load();
const search = { gamma: 3, percentile: 99.99 };
const options: EncodeOptions = { scheme: 'min-max', weightScheme: 'min-max', search };

/** x → MatMul(w) → h → Reshape → y, with w of two output channels: [-1 4], [2 -8], [3 0.5]. */
const sketch: ModelSketch = {
  inputs: { x: ['N', 3] },
  weights: { w: float32Tensor([3, 2], Float32Array.of(-1, 4, 2, -8, 3, 0.5)), shape: { dtype: 'int64', dims: [1], data: BigInt64Array.of(-1n) } },
  nodes: [{ op: 'MatMul', in: ['x', 'w'], out: ['h'] }, { op: 'Reshape', in: ['h', 'shape'], out: ['y'] }],
  outputs: { y: ['M'] },
};
const { quantizers } = placementOf([{ tensor: 'x', ranges: [] }, { tensor: 'w', role: 'weight', axis: 1, ranges: [] }, { tensor: 'h', ranges: [] }, { tensor: 'y', group: 'h', ranges: [] }]).placement;

const placement = (change: Partial<Record<string, Partial<Quantizer>>> = {}): Placement =>
  ({ quantizers: quantizers.map(quantizer => ({ ...quantizer, ...change[quantizer.tensor] })), biases: [], floats: [], untied: [], undivided: [], units: [], float: [], warnings: [] });

function statisticsOf(values: Readonly<Record<string, Float32Array>>): Statistics {
  const tensors = new Map<string, TensorStatistics>(Object.entries(values).map(([name, list]) => [name, kernels.observe(list)]));
  return { model: 'm', samples: 4, shards: null, tensors };
}
const seen = statisticsOf({ x: Float32Array.of(-1, 3), h: Float32Array.of(0, 8) });

async function failure(placed: Placement, statistics: Statistics): Promise<QuantpipeError> {
  const error = await encode(buildModel(sketch), placed, statistics, options).then(() => null, (error: unknown) => error);
  assert.instance(error, QuantpipeError);
  return error as QuantpipeError;
}

suite('calibrate/encode', test => {
  test('activations on their statistics, weights on their values channel by channel, a group once', async () => {
    const table = await encode(buildModel(sketch), placement(), seen, options);
    const [asymmetric, symmetric] = [grid(8), grid(8, 'symmetric')];
    assert.equal([...table], [
      ['x', [fitEncoding(-1, 3, asymmetric)]],
      ['w', [fitEncoding(-1, 3, symmetric), fitEncoding(-8, 4, symmetric)]],
      ['h', [fitEncoding(0, 8, asymmetric)]],
      ['y', [fitEncoding(0, 8, asymmetric)]],
    ]);
  });

  test('a group whose first tensor has fixed ends shares them, and ends of its own are kept', async () => {
    const table = await encode(buildModel(sketch), placement({ h: { constraint: { min: 0, max: 1 } } }), seen, options);
    assert.equal([table.get('h'), table.get('y')], [[fitEncoding(0, 1, grid(8))], [fitEncoding(0, 1, grid(8))]]);
    const own = await encode(buildModel(sketch), placement({ y: { constraint: { min: -2, max: null } } }), seen, options);
    assert.equal([own.get('h'), own.get('y')], [[fitEncoding(0, 8, grid(8))], [fitEncoding(-2, 8, grid(8))]]);
  });

  test('options that a search cannot mean anything with are refused', async () => {
    for (const [wrong, says] of [[{ gamma: 0.5 }, /gamma must be a number of at least 1, got 0\.5/], [{ gamma: NaN }, /got NaN/], [{ percentile: 50 }, /percentile must be above 50, at most 100, got 50/]] as const) {
      const error = await encode(buildModel(sketch), placement(), seen, { ...options, search: { ...search, ...wrong } }).catch((error: QuantpipeError) => error);
      assert.instance(error, QuantpipeError);
      assert.match((error as QuantpipeError).message, says);
    }
  });

  test('a weight in blocks block by block; with a decompressed bit-width on the grid of its channel', async () => {
    const codes = grid(4, 'symmetric');
    const wide = { ...sketch, inputs: { x: ['N', 4] }, weights: { ...sketch.weights, w: float32Tensor([4, 2], Float32Array.of(-1, 7, 2, -14, 7, 0.5, 0, 3.5)) } };
    const blocks = (decompressedBitwidth: number | null) => placement({ w: { grid: codes, granularity: { kind: 'block', axis: 0, blockSize: 2, channelAxis: 1, decompressedBitwidth } } });
    const deltas = async (placed: Placement) => (await encode(buildModel(wide), placed, seen, options)).get('w')!.map(({ delta }) => delta);
    assert.equal(await deltas(blocks(null)), [2 / 7, 1, 2, 0.5]);
    assert.equal(await deltas(blocks(8)), [5 / 16, 1, 2, 0.5]); // 2/7 is 4.6 sixteenths of the channel's largest
    assert.equal(await deltas(blocks(5)), [0.5, 1, 2, 1]); // halves
  });

  test('tensors of a group merge what was observed of each', async () => {
    const both = { group: 'x', observed: ['x', 'h'] };
    const table = await encode(buildModel(sketch), placement({ x: both, h: both, y: both }), seen, options);
    for (const tensor of ['x', 'h', 'y']) assert.equal(table.get(tensor), [fitEncoding(-1, 8, grid(8))]);
  });

  test('activations and weights have each their scheme', async () => {
    const values = { x: floats(500, { min: -1, max: 1 }), h: Float32Array.of(0, 8) };
    values.x[7] = 40; // far from the rest: schemes differ
    const found = (name: SchemeName) => findEncoding(kernels, name, { kind: 'statistics', statistics: kernels.observe(values.x) }, grid(4), search);
    assert.not.equal(found('tf-enhanced'), found('min-max'));
    const table = await encode(buildModel(sketch), placement({ x: { grid: grid(4) } }), statisticsOf(values), { ...options, scheme: 'tf-enhanced' });
    assert.equal(table.get('x'), [found('tf-enhanced')]);
    assert.equal(table.get('w')![1], fitEncoding(-8, 4, grid(8, 'symmetric')));
  });

  test('fixed ends replace observed ones; both fixed need no observation', async () => {
    const table = await encode(buildModel(sketch), placement({ x: { constraint: { min: -2, max: null } }, h: { constraint: { min: 0, max: 1 } }, y: { constraint: { min: 0, max: 1 } } }), statisticsOf({ x: Float32Array.of(-1, 3) }), options);
    assert.equal(table.get('x'), [fitEncoding(-2, fitEncoding(-1, 3, grid(8)).max, grid(8))]);
    assert.equal(table.get('y'), [fitEncoding(0, 1, grid(8))]);
  });

  test('a fixed end beyond everything that was seen is an error', async () => {
    const error = await failure(placement({ x: { constraint: { min: 5, max: null } } }), seen);
    assert.is(error.code, 'config-invalid');
    assert.match(error.message, /'x' would run from 5 to \d/);
  });

  test('a tensor that no batch reached is named', async () => {
    const error = await failure(placement(), statisticsOf({ x: Float32Array.of(1) }));
    assert.equal([error.code, error.message], ['statistics-missing', "no batch reached tensor 'h', so 'h' has no encoding (4 samples were observed, of 1 other tensor: if with another configuration, use the same one here)"]);
  });

  test('a tensor without a finite value is named', async () => {
    const error = await failure(placement(), statisticsOf({ x: Float32Array.of(1), h: Float32Array.of(NaN, Infinity) }));
    assert.equal([error.code, error.message], ['statistics-missing', `tensor 'h' has no encoding: it held 1 NaN and 1 infinite values, and no finite one, in 4 samples; mend the model or the data, or say in an override what becomes of it: {"h": {"is_quantized": false}}, or a range, {"h": {"min": -1, "max": 1}}`]);
  });

  test('a tensor without elements is told from one that no batch reached', async () => {
    const error = await failure(placement(), statisticsOf({ x: Float32Array.of(1), h: new Float32Array(0) }));
    assert.equal(error.code, 'statistics-missing');
    assert.match(error.message, /^tensor 'h' has no encoding: it had no elements in 4 samples; .*"is_quantized": false/);
  });

  test('threads find what one thread finds', async () => {
    const heavy: ModelSketch = { ...sketch, inputs: { x: ['N', 1500] }, weights: { ...sketch.weights, w: weight([1500, 1500]) } };
    const sides = await Promise.all([1, 2].map(workers => encode(buildModel(heavy), placement(), seen, { ...options, workers })));
    assert.equal([...sides[1]!], [...sides[0]!]);
    assert.is(sides[0]!.get('w')!.length, 1500);
  });

  test('an aborted signal ends it with its reason', async () => {
    const reason = new QuantpipeError('interrupted', 'stopped');
    const error = await encode(buildModel(sketch), placement(), seen, { ...options, signal: AbortSignal.abort(reason) }).then(() => null, error => error);
    assert.is(error, reason);
  });

  // the delta of a Softmax becomes one over a whole number whose float32 reciprocal is not less (see fit-softmax.ts), but for what min-max found
  test('exactSoftmax moves ranges that were searched or fixed, and none that min-max found', async () => {
    const model = buildModel({ inputs: { x: ['N', 3] }, nodes: [{ op: 'Softmax', in: ['x'], out: ['y'] }], outputs: { y: null } });
    const { placement: drawn } = placementOf([{ tensor: 'y', ranges: [] }]);
    const values = floats(400, { seed: 3, min: 0, max: 0.77 });
    const found = async (scheme: SchemeName, constraint: Quantizer['constraint'], exactSoftmax: boolean) => {
      const placed = { ...drawn, quantizers: drawn.quantizers.map(quantizer => ({ ...quantizer, constraint })) };
      return (await encode(model, placed, statisticsOf({ y: values }), { ...options, scheme, exactSoftmax })).get('y')![0]!;
    };
    const isExact = ({ delta }: { delta: number }) => Math.abs(Math.round(1 / delta) * delta - 1) < 1e-6 && Math.floor(Math.fround(1 / Math.fround(delta))) === Math.round(1 / delta);
    assert.equal(await found('min-max', null, true), await found('min-max', null, false));
    assert.ok(isExact(await found('tf-enhanced', null, true)) && !isExact(await found('tf-enhanced', null, false)));
    assert.ok(isExact(await found('min-max', { min: 0, max: 1 }, true)) && !isExact(await found('min-max', { min: 0, max: 1 }, false)));
  });
});
