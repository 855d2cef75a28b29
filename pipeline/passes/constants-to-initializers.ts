import type { Tensor } from '../base/tensor.ts';
import { replaceByInitializer } from '../graph/edit.ts';
import type { Model } from '../graph/graph.ts';
import { type Initializer, initializerOf, type Node } from '../graph/node.ts';
import type { PassResult } from './pass.ts';

/**
 * Turn Constant nodes into initializers of the same name, so that a weight looks the same whoever exported it.
 *
 * 1. `value`                        its tensor, not decoded
 * 2. `value_float`, `value_floats`  a float32 scalar, or vector
 * 3. `value_int`, `value_ints`      an int64 scalar, or vector
 * 4. `value_string(s)`              a scalar, or vector, of strings
 * 5. `sparse_value`                 left alone
 * 6. the result is a graph output   left alone: an output must be computed
 */
export function constantsToInitializers({ graph }: Model): PassResult {
  let rewrites = 0;
  for (const node of graph.nodes.filter(({ opType, domain }) => opType === 'Constant' && domain === '')) {
    const content = contentOf(node);
    if (content === null || graph.outputs.includes(node.outputs[0]!)) continue;
    replaceByInitializer(graph, node, content);
    rewrites++;
  }
  return { rewrites };
}

function contentOf({ attributes }: Node): Initializer | null {
  for (const attribute of attributes.values()) {
    switch (attribute.kind) {
      case 'tensor': return attribute.value;
      case 'float': return held({ dtype: 'float32', dims: [], data: Float32Array.of(attribute.value) });
      case 'floats': return held({ dtype: 'float32', dims: [attribute.value.length], data: Float32Array.from(attribute.value) });
      case 'int': return held({ dtype: 'int64', dims: [], data: BigInt64Array.of(attribute.value) });
      case 'ints': return held({ dtype: 'int64', dims: [attribute.value.length], data: BigInt64Array.from(attribute.value) });
      case 'string': return held({ dtype: 'string', dims: [], data: [text(attribute.value)] });
      case 'strings': return held({ dtype: 'string', dims: [attribute.value.length], data: attribute.value.map(text) });
      case 'graph': case 'other': return null;
    }
  }
  return null;
}

const held = (tensor: Tensor): Initializer => initializerOf(tensor);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
