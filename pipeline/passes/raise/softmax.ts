import { intAttribute, intOf } from '../../graph/attribute.ts';
import { addValue, insertAfter, insertBefore, setInput, setOutput } from '../../graph/edit.ts';
import type { Graph } from '../../graph/graph.ts';
import type { Node } from '../../graph/node.ts';
import type { FormChange } from './form-change.ts';

/**
 * Before opset 13 these saw a matrix: the axes before `axis` (by default 1) were the rows, and the function went over all
 * others at once; since 13 it goes over `axis` (by default -1) alone.
 *
 * 1. `axis` is the last, or all axes behind it are known to have length 1   the axis is written out
 * 2. otherwise                            Flatten to that matrix, the function over its rows, Reshape back by Shape
 */
export const softmaxChanges: readonly FormChange[] = ['Softmax', 'LogSoftmax', 'Hardmax'].map(opType => ({
  opType, since: 13, rewrite(graph, node) {
    const axis = intOf(node, 'axis', 1);
    if (isSingle(node, axis)) node.attributes.set('axis', intAttribute(axis));
    else throughMatrix(graph, node, axis);
    return node;
  },
}));

function isSingle(node: Node, axis: number): boolean {
  const shape = node.inputs[0]?.type?.shape;
  if (axis === -1) return true;
  return !!shape && shape.slice((axis < 0 ? axis + shape.length : axis) + 1).every(dim => dim === 1);
}

function throughMatrix(graph: Graph, node: Node, axis: number): void {
  const [x, y] = [node.inputs[0]!, node.outputs[0]!];
  const [shape, flat, rows] = ['shape', 'flat', 'rows'].map(part => addValue(graph, `${y.name}_${part}`)) as [typeof x, typeof x, typeof x];
  insertBefore(graph, node, { opType: 'Shape', inputs: [x], outputs: [shape] });
  insertBefore(graph, node, { opType: 'Flatten', attributes: { axis: intAttribute(axis) }, inputs: [x], outputs: [flat] });
  setInput(node, 0, flat);
  setOutput(node, 0, rows);
  node.attributes.set('axis', intAttribute(-1));
  insertAfter(graph, node, { opType: 'Reshape', inputs: [rows, shape], outputs: [y] });
}
