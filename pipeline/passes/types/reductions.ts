import { intOf, intsOf } from '../../graph/attribute.ts';
import type { Node } from '../../graph/node.ts';
import { constantInts, fromFront, ofRank, type Shape, type ShapeTable } from './dims.ts';

const reductions = ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'Sum', 'SumSquare'].map(name => `Reduce${name}`);

/** Reductions, and operators whose result speaks of a shape or of positions. */
export const reductionShapes: ShapeTable = {
  ...Object.fromEntries(reductions.map(name => [name, reduce])),
  ArgMax: (node, [x]) => [without(x ?? null, [intOf(node, 'axis', 0)], keeps(node))],
  ArgMin: (node, [x]) => [without(x ?? null, [intOf(node, 'axis', 0)], keeps(node))],
  TopK(node, [x]) {
    const along = x ? fromFront(intOf(node, 'axis', -1), x.length) : 0;
    const y = x ? x.map((dim, axis) => (axis === along ? constantInts(node, 1)?.[0] ?? null : dim)) : null;
    return [y, y];
  },
  Shape(node, [x]) {
    if (!x) return [[null]];
    const inside = (at: number): number => Math.min(Math.max(fromFront(at, x.length), 0), x.length);
    return [[Math.max(inside(intOf(node, 'end', x.length)) - inside(intOf(node, 'start', 0)), 0)]];
  },
  Size: () => [[]],
  Range: () => [[null]],
  NonZero: (_, [x]) => [[x?.length ?? null, null]],
  NonMaxSuppression: () => [[null, 3]],
  OneHot: (_, [x]) => [x ? ofRank(x.length + 1) : null],
};

function reduce(node: Node, [x]: readonly Shape[]): readonly Shape[] {
  const axes = intsOf(node, 'axes') ?? constantInts(node, 1);
  if (axes === null && node.inputs[1]) return [x && keeps(node) ? ofRank(x.length) : null];
  if (axes === null || axes.length === 0) {
    return [intOf(node, 'noop_with_empty_axes', 0) === 1 ? x ?? null : without(x ?? null, x?.map((_, axis) => axis) ?? [], keeps(node))];
  }
  return [without(x ?? null, axes, keeps(node))];
}

const keeps = (node: Node): boolean => intOf(node, 'keepdims', 1) === 1;

function without(x: Shape, axes: readonly number[], keep: boolean): Shape {
  if (!x) return null;
  const gone = new Set(axes.map(axis => fromFront(axis, x.length)));
  return x.flatMap((dim, axis) => (gone.has(axis) ? (keep ? [1] : []) : [dim]));
}
