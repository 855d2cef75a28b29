import { QuantpipeError } from '../../base/errors.ts';
import { halvesFromFloats } from '../../base/half.ts';
import type { DType, Tensor } from '../../base/tensor.ts';
import { addInitializer, replaceNode, setInput } from '../../graph/edit.ts';
import type { Graph } from '../../graph/graph.ts';
import type { Node } from '../../graph/node.ts';

/** A version of the standard operator set in which a node of `opType` has to be written differently to mean the same. */
export interface FormChange {
  readonly opType: string;
  readonly since: number;
  /** Bring a node from the form before `since` into the form of `since`. Returns the node to go on with. */
  rewrite(graph: Graph, node: Node): Node;
}

/** Say that a node cannot be raised to `since`: `why` completes the sentence. */
export function refuse(node: Node, since: number, why: string): never {
  throw new QuantpipeError('op-unsupported', `${node.title} cannot be raised to opset ${since}: ${why}`,
    { node: node.label, operator: node.opType, opset: since });
}

/** The operator went on under another name. */
export function renamedNode(graph: Graph, node: Node, opType: string): Node {
  const renamed = replaceNode(graph, node, { opType, name: node.name, attributes: Object.fromEntries(node.attributes), inputs: [...node.inputs] });
  renamed.formerType = node.opType;
  return renamed;
}

/** Give `node` a constant at input `index`, which was attribute `name` before. */
export function setConstant(graph: Graph, node: Node, index: number, name: string, tensor: Tensor): void {
  node.attributes.delete(name);
  setInput(node, index, addInitializer(graph, `${node.outputs[0]?.name ?? node.name}_${name}`, tensor));
}

/** Forget all outputs but the first: their meaning changed, so where one is read the node is refused. */
export function dropUnread(graph: Graph, node: Node, since: number, otherwise: string): void {
  for (const output of node.outputs.splice(1)) {
    if (output === null) continue;
    if (output.uses.length > 0 || graph.outputs.includes(output)) refuse(node, since, otherwise);
    graph.values.delete(output.name);
  }
}

/** A vector of int64, as ONNX wants axes, sizes and positions. */
export function int64s(values: readonly (number | bigint)[]): Tensor {
  return { dtype: 'int64', dims: [values.length], data: BigInt64Array.from(values as readonly bigint[], BigInt) };
}

export function floats(values: readonly number[]): Tensor {
  return { dtype: 'float32', dims: [values.length], data: Float32Array.from(values) };
}

/** A scalar of the type of `node`'s first input (float32 where nothing says what it is). */
export function scalarLike(node: Node, value: number, since: number): Tensor {
  const dtype: DType = node.inputs[0]?.type?.dtype ?? 'float32';
  if (dtype === 'float32') return { dtype, dims: [], data: Float32Array.of(value) };
  if (dtype === 'float64') return { dtype, dims: [], data: Float64Array.of(value) };
  if (dtype === 'float16') return { dtype, dims: [], data: halvesFromFloats(Float32Array.of(value)) };
  return refuse(node, since, `its bounds would have to be of type ${dtype}`);
}
