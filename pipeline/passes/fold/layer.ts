import { elementCount, type Tensor } from '../../base/tensor.ts';
import { intOf } from '../../graph/attribute.ts';
import type { Graph } from '../../graph/graph.ts';
import type { Node, Value } from '../../graph/node.ts';

/** A node that is linear in its first input, with a constant float32 weight and a constant bias or none. */
export interface Layer {
  readonly node: Node;
  readonly weight: Value;
  readonly bias: Value | null;
  readonly outputs: number;
  readonly inputs: number;
  /** The output channel that element `index` of the weight belongs to. */
  outputOf(index: number): number;
  /** The input channel that element `index` of the weight belongs to. */
  inputOf(index: number): number;
}

type Channels = Pick<Layer, 'outputs' | 'inputs' | 'outputOf' | 'inputOf'>;

/** How each layer's weight lies in memory. `per` is the number of elements of one kernel. */
const channels: Readonly<Record<string, (node: Node, dims: readonly number[]) => Channels>> = {
  /** [O, I / group, ...kernel] */
  Conv(node, [outer, inner, ...kernel]) {
    const [group, per] = [intOf(node, 'group', 1), elementCount(kernel)];
    const outputOf = (index: number) => Math.floor(index / (inner! * per));
    return {
      outputs: outer!, inputs: inner! * group, outputOf,
      inputOf: index => Math.floor(outputOf(index) / (outer! / group)) * inner! + Math.floor(index / per) % inner!,
    };
  },
  /** [I, O / group, ...kernel] */
  ConvTranspose(node, [outer, inner, ...kernel]) {
    const [group, per] = [intOf(node, 'group', 1), elementCount(kernel)];
    const inputOf = (index: number) => Math.floor(index / (inner! * per));
    return {
      outputs: inner! * group, inputs: outer!, inputOf,
      outputOf: index => Math.floor(inputOf(index) / (outer! / group)) * inner! + Math.floor(index / per) % inner!,
    };
  },
  /** [I, O], or [O, I] with transB */
  Gemm(node, dims) {
    const [rows, columns] = [dims[0]!, dims[1]!];
    const [row, column] = [(index: number) => Math.floor(index / columns), (index: number) => index % columns];
    return intOf(node, 'transB', 0) === 1
      ? { outputs: rows, inputs: columns, outputOf: row, inputOf: column }
      : { outputs: columns, inputs: rows, outputOf: column, inputOf: row };
  },
  /** [I, O] */
  MatMul(_, dims) {
    const [rows, columns] = [dims[0]!, dims[1]!];
    return { outputs: columns, inputs: rows, outputOf: index => index % columns, inputOf: index => Math.floor(index / columns) };
  },
};

/** `node` as a layer, or null where it is none, or its weight or bias is not a float32 constant of the form expected. */
export function layerOf(graph: Graph, node: Node | null): Layer | null {
  if (node === null || node.domain !== '' || !Object.hasOwn(channels, node.opType)) return null;
  const [, weight, bias = null] = node.inputs;
  if (!isConstant(graph, weight) || weight.initializer!.dims.length < 2) return null;
  if (node.opType === 'MatMul' && weight.initializer!.dims.length !== 2) return null;
  const layer = { node, weight, bias, ...channels[node.opType]!(node, weight.initializer!.dims) };
  return bias === null || (isConstant(graph, bias) && fitsBias(layer, bias.initializer!.dims)) ? layer : null;
}

/** Is `value` a float32 initializer that nobody outside can replace? */
export function isConstant(graph: Graph, value: Value | null | undefined): value is Value {
  return value?.initializer?.dtype === 'float32' && !graph.inputs.includes(value);
}

export function contentOf(value: Value): Float32Array {
  return (value.initializer!.read() as Tensor & { readonly data: Float32Array }).data;
}

/** A convolution's bias is [O]; a Gemm's may be anything that broadcasts along the outputs, but not along the rows. */
function fitsBias({ node, outputs }: Layer, dims: readonly number[]): boolean {
  const count = elementCount(dims);
  if (node.opType !== 'Gemm') return dims.length === 1 && count === outputs;
  return (count === 1 || count === outputs) && (dims.at(-1) ?? 1) === count;
}
