import { appendNode } from '../graph/edit.ts';
import type { Value } from '../graph/node.ts';
import type { Pass, PassResult } from './pass.ts';

/**
 * Let the model tell how many elements each of its outputs has, under the name that {@link countName} gives, and hand out only those in `kept`.
 *
 * 1. The outputs stay in their order; the counts of the kept ones follow. Nothing is removed: the same nodes run, and each output is read by a
 *    counting node, kept or not, so that an engine optimizes the graph alike whichever are kept, and computes the same bits.
 * 2. The counting nodes stand at the end, those of the last outputs first. ONNX Runtime visits the sinks of a graph from the last one on and
 *    runs before each what it needs; so a value is counted as soon as it is there, and its memory is free again once its readers have run.
 *    In any other order all values are held until the end of a run (measured on a recognizer: 291 MB against 3 MB). For the same reason an
 *    output that is kept is counted, too: without a reader it is a sink itself, and where the engine hands it out by a node that converts
 *    its layout, which stands behind all others, everything before it would run first (measured on a detector: 128 MB against 3 MB).
 */
export function countOutputs(kept: ReadonlySet<string>): Pass {
  return function countOutputs(model): PassResult {
    const { graph } = model;
    const counted = new Set(graph.outputs.filter(({ name }) => name.startsWith(PREFIX)).map(({ name }) => name));
    const counts = new Map<Value, Value>();
    for (const output of graph.outputs.filter(({ name }) => !name.startsWith(PREFIX) && !counted.has(countName(name))).reverse()) {
      const count = graph.value(countName(output.name));
      count.type = { dtype: 'int64', shape: [] };
      appendNode(graph, { opType: 'Size', name: count.name, inputs: [output], outputs: [count] });
      counts.set(output, count);
    }
    const ofKept = graph.outputs.filter(({ name }) => kept.has(name)).flatMap(output => counts.get(output) ?? []);
    graph.outputs.splice(0, graph.outputs.length, ...graph.outputs.map(output => kept.has(output.name) ? output : counts.get(output) ?? output), ...ofKept);
    return { rewrites: counts.size };
  };
}

const PREFIX = 'quantpipe elements of ';

/** The output that tells how many elements the output called `name` has. */
export const countName = (name: string): string => PREFIX + name;
