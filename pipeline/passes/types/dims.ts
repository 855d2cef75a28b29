import type { Node } from '../../graph/node.ts';

/** A dimension as far as it is known: a number, a symbol of the model, or null. */
export type Dim = number | string | null;

/** The shape of a value; null where even the rank is unknown. */
export type Shape = readonly Dim[] | null;

/** The shapes of a node's outputs, from those of its inputs. A rule may give fewer; the rest is unknown. */
export type ShapeRule = (node: Node, inputs: readonly Shape[]) => readonly Shape[];

export type ShapeTable = Readonly<Record<string, ShapeRule>>;

/** Longest constant that a shape rule reads: nothing that lists axes or dimensions is longer. */
const MAX_INTS = 64;

/** A shape of this rank of which nothing else is known. */
export const ofRank = (rank: number): Shape => Array<Dim>(rank).fill(null);

/** The integers of input `index` where they are a constant. */
export function constantInts(node: Node, index: number): number[] | null {
  const content = node.inputs[index]?.initializer;
  if (!content || (content.dtype !== 'int64' && content.dtype !== 'int32') || content.dims.reduce((a, b) => a * b, 1) > MAX_INTS) return null;
  return Array.from(content.read().data as BigInt64Array | Int32Array, Number);
}

/** The numbers of input `index` where they are a short float32 constant. */
export function constantFloats(node: Node, index: number): number[] | null {
  const content = node.inputs[index]?.initializer;
  if (content?.dtype !== 'float32' || content.dims.reduce((a, b) => a * b, 1) > MAX_INTS) return null;
  return Array.from(content.read().data as Float32Array);
}

/** The shape that a list of integers of shape `list` stands for: what is not known in full still has a rank. */
export function ofLength(list: Shape | undefined): Shape {
  return list?.length === 1 && typeof list[0] === 'number' ? ofRank(list[0]) : null;
}

/** `axis` counted from the front. */
export const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** The shape of an elementwise result by ONNX's broadcasting, as far as it is known. */
export function broadcastShapes(shapes: readonly Shape[]): Shape {
  return shapes.reduce((a, b) => {
    if (a === null || b === null) return null;
    const rank = Math.max(a.length, b.length);
    const aligned = (shape: readonly Dim[], axis: number): Dim => (axis < rank - shape.length ? 1 : shape[axis - rank + shape.length]!);
    return Array.from({ length: rank }, (_, axis) => broadcastDim(aligned(a, axis), aligned(b, axis)));
  });
}

function broadcastDim(a: Dim, b: Dim): Dim {
  if (a === 1 || a === b) return b;
  if (b === 1) return a;
  if (typeof a === 'number') return a; // the other is unknown, and must be 1 or the same
  return typeof b === 'number' ? b : null;
}

/** The product of dimensions, or null where one is unknown. */
export function product(dims: readonly Dim[]): number | null {
  return dims.reduce<number | null>((count, dim) => (count === null || typeof dim !== 'number' ? null : count * dim), 1);
}
