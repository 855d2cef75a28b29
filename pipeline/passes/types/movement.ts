import { intOf, intsOf } from '../../graph/attribute.ts';
import type { Node } from '../../graph/node.ts';
import { broadcastShapes, constantFloats, constantInts, type Dim, fromFront, ofLength, ofRank, product, type Shape, type ShapeTable } from './dims.ts';

/** Operators that move elements or change the shape. Their lists are attributes in old opsets and inputs in newer ones. */
export const movementShapes: ShapeTable = {
  Transpose(node, [x]) {
    if (!x) return [null];
    return [(intsOf(node, 'perm') ?? x.map((_, axis) => axis).reverse()).map(axis => x[axis]!)];
  },
  Reshape(node, [x, shape]) {
    const asked = constantInts(node, 1);
    if (asked === null) return [ofLength(shape)];
    const dims = asked.map((dim, axis): Dim => (dim === 0 && intOf(node, 'allowzero', 0) === 0 ? x?.[axis] ?? null : dim));
    const [all, known] = [x ? product(x) : null, product(dims.filter(dim => dim !== -1))];
    return [dims.map(dim => (dim !== -1 ? dim : all !== null && known ? all / known : null))];
  },
  Flatten(node, [x]) {
    if (!x) return [ofRank(2)];
    const axis = fromFront(intOf(node, 'axis', 1), x.length);
    return [[product(x.slice(0, axis)), product(x.slice(axis))]];
  },
  Squeeze(node, [x]) {
    const axes = listed(node, 'axes', 1);
    if (!x || axes === null) return [x?.every(dim => typeof dim === 'number') && node.inputs.length < 2 ? x.filter(dim => dim !== 1) : null];
    return [x.filter((_, axis) => !axes.some(gone => fromFront(gone, x.length) === axis))];
  },
  Unsqueeze(node, [x, given]) {
    const axes = listed(node, 'axes', 1);
    const added = axes ?? ofLength(given);
    if (!x || added === null) return [null];
    const rest = [...x];
    const rank = x.length + added.length;
    if (axes === null) return [ofRank(rank)];
    return [Array.from({ length: rank }, (_, axis) => (axes.some(made => fromFront(made, rank) === axis) ? 1 : rest.shift() ?? null))];
  },
  Concat(node, inputs) {
    const first = inputs.find(shape => shape !== null);
    if (!first) return [null];
    const along = fromFront(intOf(node, 'axis', 1), first.length);
    const total = inputs.reduce<Dim>((sum, shape) => plus(sum, shape?.[along] ?? null), 0);
    return [first.map((dim, axis) => (axis === along ? total : dim))];
  },
  Split(node, [x]) {
    const along = x ? fromFront(intOf(node, 'axis', 0), x.length) : 0;
    const sizes = listed(node, 'split', 1);
    return node.outputs.map((_, i) => x ? x.map((dim, axis) => (axis === along ? sizes?.[i] ?? null : dim)) : null);
  },
  Slice(node, [x]) {
    if (!x) return [null];
    const [starts, ends] = [listed(node, 'starts', 1), listed(node, 'ends', 2)];
    const axes = node.inputs[3] && constantInts(node, 3) === null ? null : listed(node, 'axes', 3) ?? starts?.map((_, i) => i) ?? null;
    if (!starts || !ends || !axes) return [ofRank(x.length)];
    const steps = node.inputs[4] ? constantInts(node, 4) : axes.map(() => 1);
    return [x.map((dim, axis) => {
      const i = axes.findIndex(sliced => fromFront(sliced, x.length) === axis);
      return i < 0 ? dim : typeof dim === 'number' && steps?.[i] === 1 ? span(dim, starts[i]!, ends[i]!) : null;
    })];
  },
  Gather(node, [x, index]) {
    if (!x || !index) return [null];
    const axis = fromFront(intOf(node, 'axis', 0), x.length);
    return [[...x.slice(0, axis), ...index, ...x.slice(axis + 1)]];
  },
  GatherElements: (_, [, index]) => [index ?? null],
  Expand: (_, [x, shape]) => [broadcastShapes([x ?? null, ofLength(shape)])],
  ConstantOfShape: (node, [shape]) => [constantInts(node, 0) ?? ofLength(shape)],
  Tile: (_, [x]) => [x ? ofRank(x.length) : null],
  Pad(node, [x]) {
    const pads = listed(node, 'pads', 1);
    if (!x || pads === null || node.inputs[3]) return [x ? ofRank(x.length) : null];
    return [x.map((dim, axis) => plus(dim, pads[axis]! + pads[axis + x.length]!))];
  },
  Resize: (node, [x]) => [resized(node, x ?? null, node.inputs.length === 2 ? 1 : 2)],
  Upsample: (node, [x]) => [resized(node, x ?? null, 1)],
  DepthToSpace: (_, [x]) => [x ? [x[0]!, null, null, null] : null],
  SpaceToDepth: (_, [x]) => [x ? [x[0]!, null, null, null] : null],
};

/** The list of integers that old opsets keep in attribute `name` and newer ones in input `index`. */
function listed(node: Node, name: string, index: number): number[] | null {
  return intsOf(node, name) ?? constantInts(node, index);
}

function plus(a: Dim, b: Dim): Dim {
  if (a === 0 || b === 0) return a === 0 ? b : a;
  return typeof a === 'number' && typeof b === 'number' ? a + b : null;
}

function span(dim: number, start: number, end: number): number {
  const inside = (at: number): number => Math.min(Math.max(fromFront(at, dim), 0), dim);
  return Math.max(inside(end) - inside(start), 0);
}

/** Only axes whose scale is 1 are kept: how the others round differs between versions. */
function resized(node: Node, x: Shape, scalesAt: number): Shape {
  const scales = constantFloats(node, scalesAt);
  return x && x.map((dim, axis) => (scales?.length === x.length && scales[axis] === 1 ? dim : null));
}
