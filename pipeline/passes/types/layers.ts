import { intOf, intsOf, stringOf } from '../../graph/attribute.ts';
import type { Node } from '../../graph/node.ts';
import { broadcastShapes, type Dim, ofRank, type Shape, type ShapeTable } from './dims.ts';

/** Convolutions, pooling, matrix products and recurrent layers. */
export const layerShapes: ShapeTable = {
  Conv(node, [x, w]) {
    if (!x) return [null];
    return [[x[0]!, w?.[0] ?? null, ...x.slice(2).map((dim, axis) => window(node, dim, axis, w?.[axis + 2] ?? null))]];
  },
  ConvTranspose(node, [x, w]) {
    if (!x) return [null];
    const perGroup = w?.[1];
    return [[x[0]!, typeof perGroup === 'number' ? perGroup * intOf(node, 'group', 1) : null, ...x.slice(2).map(() => null)]];
  },
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: (_, [x]) => [x ? x.map((dim, axis) => (axis < 2 ? dim : 1)) : null],
  GlobalMaxPool: (_, [x]) => [x ? x.map((dim, axis) => (axis < 2 ? dim : 1)) : null],

  Gemm(node, [a, b]) {
    return [[a?.[intOf(node, 'transA', 0)] ?? null, b?.[1 - intOf(node, 'transB', 0)] ?? null]];
  },
  MatMul: (_, [a, b]) => [matMul(a ?? null, b ?? null)],

  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
};

function pool(node: Node, [x]: readonly Shape[]): readonly Shape[] {
  if (!x) return [null, null];
  const kernel = intsOf(node, 'kernel_shape') ?? [];
  const y = x.map((dim, axis) => (axis < 2 ? dim : window(node, dim, axis - 2, kernel[axis - 2] ?? null)));
  return [y, y];
}

/** Length of spatial axis `axis` after a window of `kernel` has moved over `dim`. */
function window(node: Node, dim: Dim, axis: number, kernel: Dim): Dim {
  if (typeof dim !== 'number' || typeof kernel !== 'number' || intOf(node, 'ceil_mode', 0) === 1) return null;
  if (!['NOTSET', 'VALID'].includes(stringOf(node, 'auto_pad', 'NOTSET'))) return null;
  const pads = intsOf(node, 'pads') ?? [];
  const padding = (pads[axis] ?? 0) + (pads[axis + pads.length / 2] ?? 0);
  const reach = (kernel - 1) * (intsOf(node, 'dilations')?.[axis] ?? 1) + 1;
  return Math.floor((dim + padding - reach) / (intsOf(node, 'strides')?.[axis] ?? 1)) + 1;
}

function matMul(a: Shape, b: Shape): Shape {
  if (!a || !b || a.length === 0 || b.length === 0) return null;
  const batch = broadcastShapes([a.slice(0, -2), b.slice(0, -2)])!;
  return [...batch, ...(a.length > 1 ? [a.at(-2)!] : []), ...(b.length > 1 ? [b.at(-1)!] : [])];
}

/** Y, Y_h and (LSTM) Y_c, with the time first (layout 0) or the batch first. */
function recurrent(node: Node, [x]: readonly Shape[]): readonly Shape[] {
  const [directions, hidden] = [stringOf(node, 'direction', 'forward') === 'bidirectional' ? 2 : 1, intOf(node, 'hidden_size', 0) || null];
  if (!x || intOf(node, 'layout', 0) !== 0) return [ofRank(4), ofRank(3), ofRank(3)];
  const state = [directions, x[1]!, hidden];
  return [[x[0]!, ...state], state, state];
}
