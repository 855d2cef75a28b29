import type { Attribute } from '../../pipeline/graph/attribute.ts';
import { weight } from '../support/graphs.ts';
import { float32, int64, type Line, scalar, type Sketch } from '../support/sketch.ts';

export const float = (value: number): Attribute => ({ kind: 'float', value });
const ints = (...value: bigint[]): Attribute => ({ kind: 'ints', value });
const floats = (...value: number[]): Attribute => ({ kind: 'floats', value });

/** A node of opset `from` reading x; what it may read besides; and how many rules apply to it on the way to `to`. */
export interface Case { from: number; to?: number; x?: number[]; half?: boolean; node: Line; constants?: Sketch['constants']; rules?: number; outputs?: Sketch['outputs']; tolerance?: number }

export const one = (opType: string, attributes: Line[3] = {}, inputs = ['x']): Line => [opType, inputs, ['y'], attributes];
const normal = { gamma: weight([3]), beta: weight([3]), mean: weight([3]), variance: weight([3], { min: 0.5, max: 2 }) };
const normalized = ['x', 'gamma', 'beta', 'mean', 'variance'];

export const cases: Record<string, Case> = {
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
export const unchanged: Record<string, Case> = {
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
export const oldest: Record<string, [Case, Omit<Case, 'from'>]> = {
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

/** What cannot be raised, and what is said of it. */
export const refused: Record<string, [Case, RegExp]> = {
  'statistics per position': [{ from: 8, node: one('BatchNormalization', { spatial: 0 }, normalized), constants: normal }, /BatchNormalization 'BatchNormalization_0' cannot be raised to opset 9: spatial = 0/],
  'the outputs of training': [{ from: 9, to: 14, node: ['BatchNormalization', normalized, ['y', 'm'], {}], constants: normal, outputs: ['y', 'm'] }, /cannot be raised to opset 14: it has the outputs of training/],
  'a mask that is read': [{ from: 9, node: ['Dropout', ['x'], ['y', 'mask'], {}], outputs: ['y', 'mask'] }, /cannot be raised to opset 10: its mask is read/],
  'a Resize by half pixels rounded up': [{ from: 11, node: one('Resize', { coordinate_transformation_mode: 'tf_half_pixel_for_nn', nearest_mode: 'ceil' }, ['x', '', 's']), constants: { s: float32(2, 0.5) } }, /'tf_half_pixel_for_nn' went, and with rounding 'ceil' no other/],
  'the mask of opset 10': [{ from: 10, node: ['Dropout', ['x'], ['y', 'mask'], {}], outputs: ['y', 'mask'] }, /cannot be raised to opset 12: its mask is read/],
  'sequences of their own lengths': [{ from: 8, node: one('Scan', {}, ['c', 'x']), constants: { c: int64(1) } }, /Scan 'Scan_0' cannot be raised to opset 9: its sequences have lengths/],
  'a Slice from nowhere': [{ from: 9, node: one('Slice', { ends: [1] }) }, /cannot be raised to opset 10: it has no list 'starts'/],
  'a TopK of how many': [{ from: 9, node: one('TopK') }, /it has no attribute 'k'/],
  'a Pad by nothing': [{ from: 9, node: one('Pad') }, /it has no list 'pads'/],
  'an Upsample by nothing': [{ from: 8, node: one('Upsample') }, /cannot be raised to opset 9: it has no list 'scales'/],
  'groups of unknown channels': [{ from: 18, to: 21, x: [2], node: one('GroupNormalization', { num_groups: 2 }) }, /cannot be raised to opset 21: .* how many channels it has is not known/],
  'groups that do not divide': [{ from: 18, to: 21, x: [2, 5, 3], node: one('GroupNormalization', { num_groups: 2 }) }, /its 5 channels do not divide into 2 groups/],
  'an axis of unknown ranks': [{ from: 6, node: one('Add', { broadcast: 1, axis: 1 }, ['x', 'h']) }, /Add 'Add_0' cannot be raised to opset 7: it broadcasts along an axis, and the ranks/],
  'normalization as in training': [{ from: 6, node: one('BatchNormalization', {}, normalized), constants: normal }, /cannot be raised to opset 7: .* \(is_test = 0\)/],
  'a Cast to no type': [{ from: 1, node: one('Cast', { to: 'FLOAT9' }) }, /cannot be raised to opset 6: its element type 'FLOAT9' is not known/],
  'a Tile along one axis': [{ from: 1, node: one('Tile', {}, ['x', 'c', 'c']), constants: { c: float32(1) } }, /Tile 'Tile_0' cannot be raised to opset 6/],
};
