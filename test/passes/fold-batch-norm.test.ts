import * as assert from 'uvu/assert';

import type { Tensor } from '../../pipeline/base/tensor.ts';
import { foldBatchNorm } from '../../pipeline/passes/fold-batch-norm.ts';
import { inferTypes } from '../../pipeline/passes/infer-types.ts';
import { equivalent, weight } from '../support/graphs.ts';
import { draw, float32, type Line, operators, scalar, type Sketch } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';

/** float32 sums in another order: a few units in the last place of the largest result. */
const tolerance = 4e-6;

const statistics = (channels: number): Record<string, Tensor> => ({
  gamma: weight([channels], { seed: 11 }), beta: weight([channels], { seed: 12 }),
  mean: weight([channels], { seed: 13 }), variance: weight([channels], { seed: 14, min: 0.1, max: 3 }),
});
const bn = (from: string, to: string): Line => ['BatchNormalization', [from, 'gamma', 'beta', 'mean', 'variance'], [to], { epsilon: 0.01 }];

/** One layer `y = layer(x)`, its weight, bias and number of output channels. */
const layers: Record<string, { x: number[]; w: Tensor; outputs: number; sketch: (inputs: string[], output: string) => Line; bias?: Tensor }> = {
  'Conv': { x: [2, 3, 5, 5], w: weight([4, 3, 3, 3]), outputs: 4, sketch: (i, o) => ['Conv', i, [o], { pads: [1, 1, 1, 1] }] },
  'Conv of one dimension': { x: [2, 3, 9], w: weight([4, 3, 3]), outputs: 4, sketch: (i, o) => ['Conv', i, [o]] },
  'grouped Conv': { x: [1, 6, 5, 5], w: weight([4, 3, 3, 3]), outputs: 4, sketch: (i, o) => ['Conv', i, [o], { group: 2 }] },
  'depthwise Conv': { x: [1, 4, 5, 5], w: weight([4, 1, 3, 3]), outputs: 4, sketch: (i, o) => ['Conv', i, [o], { group: 4 }] },
  'ConvTranspose': { x: [1, 3, 4, 4], w: weight([3, 4, 2, 2]), outputs: 4, sketch: (i, o) => ['ConvTranspose', i, [o], { strides: [2, 2] }] },
  'grouped ConvTranspose': { x: [1, 6, 4, 4], w: weight([6, 2, 2, 2]), outputs: 4, sketch: (i, o) => ['ConvTranspose', i, [o], { group: 2 }] },
  'depthwise ConvTranspose': { x: [1, 4, 4, 4], w: weight([4, 1, 2, 2]), outputs: 4, sketch: (i, o) => ['ConvTranspose', i, [o], { group: 4 }] },
  'Gemm': { x: [2, 5], w: weight([5, 4]), outputs: 4, sketch: (i, o) => ['Gemm', i, [o], { alpha: 0.5, beta: 0.25 }] },
  'Gemm with transB': { x: [2, 5], w: weight([4, 5]), outputs: 4, sketch: (i, o) => ['Gemm', i, [o], { transB: 1 }] },
};

function sketch({ x, w, outputs, sketch: layer }: (typeof layers)[string], { bias = false, after = bn('a', 'y'), constants = statistics(outputs) } = {}): Sketch {
  return {
    inputs: { x }, constants: { w, ...(bias ? { b: weight([outputs], { seed: 5 }) } : {}), ...constants }, outputs: ['y'],
    nodes: [layer(bias ? ['x', 'w', 'b'] : ['x', 'w'], 'a'), after],
  };
}

suite('passes/fold-batch-norm: backward', test => {
  for (const [name, layer] of Object.entries(layers)) {
    for (const bias of [false, true]) {
      test(`folds BatchNormalization into the ${name} before it, ${bias ? 'with' : 'without'} a bias`, async () => {
        const model = draw(sketch(layer, { bias }));
        const after = await equivalent(model, foldBatchNorm, { rewrites: 1, tolerance });
        const [node, ...rest] = after.graph.nodes;
        assert.equal([rest.length, node!.outputs[0]!.name, node!.inputs[1]!.name, node!.inputs[2]!.name], [0, 'y', 'w', bias ? 'b' : 'w_bias']);
        assert.equal(after.graph.values.size, 4, 'x, y, weight and bias are left');
      });
    }

    test(`folds a scale and a shift by channel into the ${name}`, async () => {
      const dims = [4, ...layer.x.slice(2).map(() => 1)];
      const constants = { s: weight(dims, { seed: 21 }), t: weight([1, ...dims], { seed: 22 }) };
      const { nodes, ...model } = sketch(layer, { constants, after: ['Mul', ['s', 'a'], ['m']] });
      const drawn = draw({ ...model, nodes: [...nodes, ['Add', ['m', 't'], ['y']]] });
      const after = await equivalent(drawn, foldBatchNorm, { rewrites: 2, tolerance });
      assert.equal(after.graph.nodes[0]!.inputs.map(value => value?.name), ['x', 'w', 't'], 'the added constant is the bias, under its name');
    });
  }

  test('folds one-element Mul, Add and Sub', async () => {
    const conv = layers['Conv']!;
    const model = draw({
      ...sketch(conv, { constants: { s: float32(1.5), t: scalar(0.25), u: float32(2) } }),
      nodes: [conv.sketch(['x', 'w'], 'a'), ['Mul', ['s', 'a'], ['b']], ['Add', ['b', 't'], ['c']], ['Sub', ['c', 'u'], ['y']]],
    });
    const after = await equivalent(model, foldBatchNorm, { rewrites: 3, tolerance });
    assert.equal(operators(after), ['Conv']);
  });

  test('calls a new bias as PyTorch would where the weight is called so', async () => {
    const { constants, nodes, ...rest } = sketch(layers['Conv']!);
    const model = draw({ ...rest, constants: { ...constants, 'conv1.weight': layers['Conv']!.w }, nodes: [layers['Conv']!.sketch(['x', 'conv1.weight'], 'a'), nodes[1]!] });
    foldBatchNorm(model);
    assert.is(model.graph.nodes[0]!.inputs[2]!.name, 'conv1.bias');
  });

  test('makes a Gemm of a MatMul of a matrix', async () => {
    const model = draw({ inputs: { x: [2, 5] }, constants: { w: weight([5, 4]), ...statistics(4) }, nodes: [['MatMul', ['x', 'w'], ['a']], bn('a', 'y')], outputs: ['y'] });
    inferTypes(model);
    const after = await equivalent(model, foldBatchNorm, { rewrites: 1, tolerance });
    assert.equal(operators(after), ['Gemm']);
  });

  test('computes in float64 and stores float32: 0.1 * 3 / sqrt(2.25) rounds once', () => {
    const model = draw({
      inputs: { x: [1, 1, 1] }, outputs: ['y'],
      constants: { w: { dtype: 'float32', dims: [1, 1, 1], data: Float32Array.of(0.1) }, gamma: float32(3), beta: float32(0.5), mean: float32(0.125), variance: float32(2) },
      nodes: [['Conv', ['x', 'w'], ['a']], ['BatchNormalization', ['a', 'gamma', 'beta', 'mean', 'variance'], ['y'], { epsilon: 0.25 }]],
    });
    foldBatchNorm(model);
    const [w, b] = [model.graph.value('w'), model.graph.value('w_bias')].map(value => (value.initializer!.read().data as Float32Array)[0]);
    assert.equal([w, b], [Math.fround(Math.fround(0.1) * 2), 0.5 - 0.125 * 2]);
  });

  test('copies a weight that another layer reads too', async () => {
    const model = draw({
      inputs: { x: [1, 3, 5, 5] }, constants: { w: weight([4, 3, 3, 3]), b: weight([4]), ...statistics(4) }, outputs: ['y', 'z'],
      nodes: [['Conv', ['x', 'w', 'b'], ['a']], bn('a', 'y'), ['Conv', ['x', 'w', 'b'], ['z']]],
    });
    const after = await equivalent(model, foldBatchNorm, { rewrites: 1, tolerance });
    assert.equal(after.graph.nodes.map(({ inputs }) => inputs.slice(1).map(value => value!.name)), [['w_1', 'b_1'], ['w', 'b']]);
  });
});

suite('passes/fold-batch-norm: forward', test => {
  const conv = (attributes = {}): Sketch => ({
    inputs: { x: [2, 4, 5, 5] }, constants: { w: weight([6, 4, 3, 3]), b: weight([6]), ...statistics(4) }, outputs: ['y'],
    nodes: [['Relu', ['x'], ['r']], bn('r', 'a'), ['Conv', ['a', 'w', 'b'], ['y'], attributes]],
  });

  const matches: Record<string, [Sketch, string[]]> = {
    'BatchNormalization into the Conv after it': [conv(), ['Relu', 'Conv']],
    'into a Conv that says it pads nothing': [conv({ pads: [0, 0, 0, 0] }), ['Relu', 'Conv']],
    'into a grouped Conv': [{ ...conv(), constants: { ...conv().constants, w: weight([6, 2, 3, 3]) }, nodes: [['Relu', ['x'], ['r']], bn('r', 'a'), ['Conv', ['a', 'w'], ['y'], { group: 2 }]] }, ['Relu', 'Conv']],
    'a scale of one element into a padded Conv': [{ ...conv(), constants: { ...conv().constants, s: float32(3) }, nodes: [['Relu', ['x'], ['r']], ['Mul', ['r', 's'], ['a']], ['Conv', ['a', 'w'], ['y'], { pads: [1, 1, 1, 1] }]] }, ['Relu', 'Conv']],
    'into a Gemm': [{ inputs: { x: [2, 4] }, constants: { w: weight([3, 4]), b: weight([1, 3]), ...statistics(4) }, outputs: ['y'], nodes: [['Relu', ['x'], ['r']], bn('r', 'a'), ['Gemm', ['a', 'w', 'b'], ['y'], { transB: 1, alpha: 0.5, beta: 3.5 }]] }, ['Relu', 'Gemm']],
    'through a Flatten into a Gemm': [{ inputs: { x: [2, 4, 2, 3] }, constants: { w: weight([24, 5]), ...statistics(4) }, outputs: ['y'], nodes: [['Relu', ['x'], ['r']], bn('r', 'a'), ['Flatten', ['a'], ['f']], ['Gemm', ['f', 'w'], ['y']]] }, ['Relu', 'Flatten', 'Gemm']],
    'into a MatMul of a matrix': [{ inputs: { x: [2, 4] }, constants: { w: weight([4, 3]), ...statistics(4) }, outputs: ['y'], nodes: [['Relu', ['x'], ['r']], bn('r', 'a'), ['MatMul', ['a', 'w'], ['y']]] }, ['Relu', 'Gemm']],
    'from a graph input': [{ ...conv(), nodes: [bn('x', 'a'), ['Conv', ['a', 'w', 'b'], ['y']]] }, ['Conv']],
  };
  for (const [what, [drawn, left]] of Object.entries(matches)) {
    test(`folds ${what}`, async () => {
      const model = draw(drawn);
      inferTypes(model);
      const after = await equivalent(model, foldBatchNorm, { rewrites: 1, tolerance });
      assert.equal(operators(after), left);
    });
  }

  test('folds a scale, then a shift, of one element (in two rounds)', async () => {
    const model = draw({ ...conv(), constants: { ...conv().constants, s: float32(3), t: float32(0.5) }, nodes: [['Relu', ['x'], ['r']], ['Mul', ['s', 'r'], ['m']], ['Add', ['m', 't'], ['a']], ['Conv', ['a', 'w'], ['y']]] });
    const after = await equivalent(model, foldBatchNorm, { rewrites: 2, tolerance });
    assert.equal(operators(after), ['Relu', 'Conv']);
  });
});

suite('passes/fold-batch-norm: left alone', test => {
  const conv = (nodes: Line[], more: Partial<Sketch> = {}): Sketch => ({
    inputs: { x: [2, 4, 6, 6] }, constants: { w: weight([4, 4, 3, 3]), ...statistics(4), ...more.constants }, outputs: more.outputs ?? ['y'], nodes,
  });
  const left: Record<string, Sketch> = {
    'a BatchNormalization with no layer beside it': conv([['Relu', ['x'], ['a']], bn('a', 'b'), ['Relu', ['b'], ['y']]]),
    'a layer whose output others read': conv([['Conv', ['x', 'w'], ['a']], bn('a', 'b'), ['Add', ['a', 'b'], ['y']]]),
    'a layer whose output is a graph output': conv([['Conv', ['x', 'w'], ['a']], bn('a', 'y')], { outputs: ['y', 'a'] }),
    'a shift before a padded Conv': conv([['Relu', ['x'], ['r']], bn('r', 'a'), ['Conv', ['a', 'w'], ['y'], { pads: [1, 1, 1, 1] }]]),
    'a shift before a Conv padded to the same size': conv([['Relu', ['x'], ['r']], bn('r', 'a'), ['Conv', ['a', 'w'], ['y'], { auto_pad: 'SAME_UPPER' }]]),
    'BatchNormalization before a ConvTranspose': conv([['Relu', ['x'], ['r']], bn('r', 'a'), ['ConvTranspose', ['a', 'w'], ['y']]]),
    'a constant along another axis than the channels': conv([['Conv', ['x', 'w'], ['a']], ['Mul', ['a', 's'], ['y']]], { constants: { s: weight([4]) } }),
    'a constant of more rank than the layer': conv([['Conv', ['x', 'w'], ['a']], ['Mul', ['a', 's'], ['y']]], { constants: { s: weight([1, 1, 1, 1, 1]) } }),
    'a constant that makes one channel many': { inputs: { x: [1, 4, 5, 5] }, constants: { w: weight([1, 4, 3, 3]), s: weight([1, 4, 1, 1]) }, nodes: [['Conv', ['x', 'w'], ['a']], ['Mul', ['a', 's'], ['y']]], outputs: ['y'] },
    'a constant minus a layer': conv([['Conv', ['x', 'w'], ['a']], ['Sub', ['s', 'a'], ['y']]], { constants: { s: float32(1) } }),
    'a scale by channel before a Conv': conv([['Relu', ['x'], ['r']], ['Mul', ['r', 's'], ['a']], ['Conv', ['a', 'w'], ['y']]], { constants: { s: weight([4, 1, 1]) } }),
    'MatMul and Add': { inputs: { x: [2, 5] }, constants: { w: weight([5, 4]), b: weight([4]) }, nodes: [['MatMul', ['x', 'w'], ['a']], ['Add', ['a', 'b'], ['y']]], outputs: ['y'] },
    'a scale and shift before a MatMul, which is a normalization': { inputs: { x: [2, 5] }, constants: { w: weight([5, 4]), s: weight([5]), t: scalar(1) }, nodes: [['Mul', ['x', 's'], ['a']], ['Add', ['a', 't'], ['b']], ['MatMul', ['b', 'w'], ['y']]], outputs: ['y'] },
    'BatchNormalization after a MatMul of more than a matrix': { inputs: { x: [2, 4, 5] }, constants: { w: weight([5, 3]), ...statistics(4) }, nodes: [['MatMul', ['x', 'w'], ['a']], bn('a', 'y')], outputs: ['y'] },
    'a Flatten that takes the batch along': { inputs: { x: [2, 4, 2, 3] }, constants: { w: weight([48, 5]), ...statistics(4) }, nodes: [['Relu', ['x'], ['r']], bn('r', 'a'), ['Flatten', ['a'], ['f'], { axis: 0 }], ['Gemm', ['f', 'w'], ['y']]], outputs: ['y'] },
    'a weight that is computed': conv([['Abs', ['w'], ['v']], ['Conv', ['x', 'v'], ['a']], bn('a', 'y')]),
  };
  for (const [what, sketch] of Object.entries(left)) {
    test(`leaves ${what} alone`, async () => {
      const model = draw(sketch);
      inferTypes(model);
      const after = await equivalent(model, foldBatchNorm, { rewrites: 0 });
      assert.is(after.graph.nodes.length, sketch.nodes.length);
    });
  }

  test('leaves BatchNormalization whose statistics do not fit each other for the engine to refuse', () => {
    const model = draw(conv([['Conv', ['x', 'w'], ['a']], bn('a', 'y')], { constants: { mean: weight([3]) } }));
    assert.is(foldBatchNorm(model).rewrites, 0);
  });

  test('leaves BatchNormalization in training alone', () => {
    const model = draw(conv([['Conv', ['x', 'w'], ['a']], ['BatchNormalization', ['a', 'gamma', 'beta', 'mean', 'variance'], ['y', 'm', 'v'], { training_mode: 1 }]]));
    assert.is(foldBatchNorm(model).rewrites, 0);
  });
});
