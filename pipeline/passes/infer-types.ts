import type { DType } from '../base/tensor.ts';
import type { Graph, Model } from '../graph/graph.ts';
import type { Node, Value, ValueType } from '../graph/node.ts';
import type { PassResult } from './pass.ts';
import type { Dim } from './types/dims.ts';
import { outputElements } from './types/element-rules.ts';
import { outputShapes } from './types/shape-rules.ts';

/**
 * Give every value the element type, and the shape as far as it follows from constants and declared inputs, so that
 * "is this tensor float32?" and "of which rank?" have answers in models without value infos.
 *
 * 1. An initializer has the type of its content.
 * 2. What the model declares is believed; a declared type without a shape gets one.
 * 3. A node's outputs follow from its inputs by the tables in types/; those of If, Loop and Scan have the element types of what their
 *    subgraphs compute. What no rule knows keeps the type null.
 *
 * A rewrite is a value that got a type or a shape.
 */
export function inferTypes({ graph }: Model): PassResult {
  return { rewrites: inferIn(graph) };
}

function inferIn(graph: Graph): number {
  let rewrites = 0;
  for (const value of graph.initializers) {
    const { dtype, dims } = value.initializer!;
    if (dtype !== 'other' && refine(value, { dtype, shape: dims })) rewrites++;
  }
  for (const node of graph.nodes) {
    const elements = subgraphElements(graph, node) ?? outputElements(node, node.inputs.map(input => input?.type?.dtype ?? null));
    const shapes = outputShapes(node, node.inputs.map(input => input?.type?.shape ?? null));
    node.outputs.forEach((output, i) => {
      const dtype = output?.type?.dtype ?? elements[i];
      if (output !== null && dtype && refine(output, { dtype, shape: shapes[i] ?? null })) rewrites++;
    });
  }
  return rewrites;
}

/** The subgraph whose outputs are a node's, and how many of them it keeps to itself. */
const bodies: Readonly<Record<string, { readonly name: string; readonly own: number }>> = {
  If: { name: 'then_branch', own: 0 }, Loop: { name: 'body', own: 1 }, Scan: { name: 'body', own: 0 },
};

/** Element types of what a node computes by a subgraph; null where it has none. */
function subgraphElements(graph: Graph, node: Node): (DType | null)[] | null {
  const body = node.domain === '' && Object.hasOwn(bodies, node.opType) ? bodies[node.opType] : undefined;
  const attribute = body && node.attributes.get(body.name);
  if (attribute?.kind !== 'graph') return null;
  const inner = attribute.value.read(graph);
  inferIn(inner);
  return inner.outputs.slice(body!.own).map(({ type }) => type?.dtype ?? null);
}

function refine(value: Value, { dtype, shape }: ValueType): boolean {
  if (value.type !== null && (value.type.shape !== null || shape === null)) return false;
  value.type = { dtype, shape: shape && Array.from(shape, possible) };
  return true;
}

/** Nodes that are no valid ONNX (a stride of 0, a missing axis) lead to dimensions that are none; the engine refuses the nodes. */
function possible(dim: Dim | undefined): Dim {
  return typeof dim === 'string' || (Number.isSafeInteger(dim) && Number(dim) >= 0) ? dim! : null;
}
