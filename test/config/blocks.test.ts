import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import type { BlockOptions } from '../../pipeline/config/divisions.ts';
import type { Attribute } from '../../pipeline/graph/attribute.ts';
import { intAttribute } from '../../pipeline/graph/attribute.ts';
import { weight } from '../support/graphs.ts';
import { int64 } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';
import { lines, node, place, USUAL, usualBut } from './sketches.ts';

const blocks: BlockOptions = { blockSize: 2, decompressedBitwidth: null, undivided: 'refuse' };

const sketch = (op: string, dims: number[], attributes: Record<string, Attribute> = {}) =>
  ({ inputs: { x: [2, 4] }, weights: { w: weight(dims), b: weight([dims[0]!]) }, nodes: [node(op, ['x', 'w'], 'y', attributes)], outputs: { y: null } });

/** Operator, shape of the weight, attributes, the axis of its blocks (null: it has none). */
const axes: [op: string, dims: number[], attributes: Record<string, Attribute>, axis: number | null][] = [
  ['Conv', [6, 4, 3, 3], {}, 1],
  ['ConvTranspose', [4, 6, 3, 3], {}, 0],
  ['ConvTranspose', [4, 3, 3, 3], { group: intAttribute(2) }, 0],
  ['Gemm', [4, 6], {}, 0],
  ['Gemm', [6, 4], { transB: intAttribute(1) }, 1],
  ['MatMul', [4, 6], {}, 0],
  ['MatMul', [2, 4, 6], {}, 1],
  ['MatMul', [4], {}, null],
  ['PRelu', [4, 1, 1], {}, null],
];

function refusal(act: () => void): string {
  try {
    act();
  } catch (error) {
    if (error instanceof QuantpipeError) return error.message;
  }
  return 'nothing was refused';
}

suite('config/blocks', test => {
  for (const [op, dims, attributes, axis] of axes) {
    test(`blocks of a ${op} weight [${dims.join(', ')}] ${Object.keys(attributes).join()} lie along axis ${axis}`, () => {
      const found = lines(place(sketch(op, dims, attributes), USUAL, { blocks })).find(line => line.startsWith('w '));
      assert.is(found, axis === null ? 'w weight 8 symmetric' : `w weight 8 symmetric block ${axis} × 2`);
    });
  }

  test('the channels of blocks are the output channels, and LPBQ says what it decompresses to', () => {
    const [, quantizer] = place(sketch('Conv', [6, 4, 1, 1]), USUAL, { weightBitwidth: 4, blocks: { ...blocks, decompressedBitwidth: 8 } }).quantizers;
    assert.equal(quantizer!.granularity, { kind: 'block', axis: 1, blockSize: 2, channelAxis: 0, decompressedBitwidth: 8 });
    assert.ok(lines(place(sketch('Conv', [6, 4, 1, 1]), USUAL, { weightBitwidth: 4, blocks: { ...blocks, decompressedBitwidth: 8 } })).includes('w weight 4 symmetric block 1 × 2 to 8 bits'));
  });

  test('a block size that does not divide names tensor, dimension and both numbers, or is passed over', () => {
    const odd = sketch('Conv', [6, 5, 1, 1]);
    assert.match(refusal(() => place(odd, USUAL, { blocks })), /^blocks of 2 do not divide dimension 1 of weight 'w' \[6, 5, 1, 1\], which is 5:/);
    assert.ok(lines(place(odd, USUAL, { blocks: { ...blocks, undivided: 'skip' } })).includes('w weight 8 symmetric'));
  });

  test('LPBQ asks for symmetric weights and for room', () => {
    const asymmetric = usualBut({ op_type: { Conv: { params: { weight: { is_symmetric: 'False' } } } } });
    assert.match(refusal(() => place(sketch('Conv', [6, 4, 1, 1]), asymmetric, { blocks: { ...blocks, decompressedBitwidth: 8 } })),
      /'w' is asymmetric by op_type\.Conv\.params\.weight\.is_symmetric$/);
    assert.is(refusal(() => place(sketch('Conv', [6, 4, 1, 1]), USUAL, { blocks: { ...blocks, decompressedBitwidth: 4 } })), 'weights of 8 bits decompress to at least as many bits, got 4');
  });

  test('a bias beside grids that no integer kernel adds up, or that is not to be quantized stays in float', () => {
    const biased = { ...sketch('Conv', [6, 4, 1, 1]), nodes: [node('Conv', ['x', 'w', 'b'], 'y')] };
    for (const options of [{}, { blocks }]) assert.equal(place(biased, USUAL, options).biases.length, 1);
    for (const options of [{ weightBitwidth: 17 }, { activationBitwidth: 20 }, { quantizeBias: false }]) assert.is(place(biased, USUAL, options).biases.length, 0);
  });
});

suite('config/floats', test => {
  const network = {
    inputs: { x: [2, 4] }, weights: { w: weight([4, 4]), b: weight([4]), shape: int64(8) },
    nodes: [node('Gemm', ['x', 'w', 'b'], 'h'), node('Reshape', ['h', 'shape'], 'y')], outputs: { y: null },
  };

  test('weights or activations in a 16-bit float have no quantizer, and their layer no int32 bias', () => {
    const { quantizers, floats, biases } = place(network, USUAL, { weightFormat: 'float16' });
    assert.equal(floats.map(({ tensor, role, format, rule }) => [tensor, role, format, rule.path]), [['w', 'weight', 'float16', 'defaults.params.is_quantized']]);
    assert.not.ok(quantizers.some(({ tensor }) => tensor === 'w'));
    assert.equal(biases, []);
    assert.equal(lines(place(network, USUAL, { activationFormat: 'bfloat16' })), ['w weight 8 symmetric', 'x activation 16 bfloat16', 'h activation 16 bfloat16', 'y activation 16 bfloat16']);
  });

  test('what is in a 16-bit float is not said to be left in float', () => {
    assert.not.ok(place(network, USUAL, { weightFormat: 'float16', activationFormat: 'float16' }).float.some(({ kind, name }) => kind === 'tensor' && name !== 'b'));
  });

  test('blocks that a weight in a floating-point format cannot have are told', () => {
    const told = (config: object, options: object) => place(sketch('Gemm', [4, 6]), config, { blocks, ...options }).warnings.filter(warning => warning.startsWith('blocks'));
    assert.equal(told(USUAL, { weightFormat: 'bfloat16' }), ["blocks of 2 are not used for 1 weight in bfloat16, which has no encodings: 'w'"]);
    const names = ['t', 'u', 'v', 'w'];
    const four = { inputs: { x: [2, 4] }, weights: Object.fromEntries(names.map((name, seed) => [name, weight([4, 4], { seed })])), nodes: names.map(name => node('MatMul', ['x', name], `${name}y`)), outputs: Object.fromEntries(names.map(name => [`${name}y`, null])) };
    assert.ok(place(four, USUAL, { blocks, weightFormat: 'float16' }).warnings.includes("blocks of 2 are not used for 4 weights in float16, which have no encodings: 't', 'u', 'v' and 1 more"));
    assert.equal(told(USUAL, {}), []);
    assert.equal(told(usualBut({ params: { weight: { is_quantized: 'False' } } }), { weightFormat: 'float16' }), []);
  });
});
