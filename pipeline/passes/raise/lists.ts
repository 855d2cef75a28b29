import { exactIntsOf, floatOf, intAttribute, intOf } from '../../graph/attribute.ts';
import { dropUnread, type FormChange, int64s, refuse, scalarLike, setConstant } from './form-change.ts';

/** Reductions whose axes became an input in opset 18; ReduceSum's did in 13. */
const reductions = ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'];

/** Attributes that became inputs. Each line: what the older form was. */
export const listChanges: readonly FormChange[] = [
  axesToInput('Squeeze', 13),
  axesToInput('Unsqueeze', 13),
  axesToInput('ReduceSum', 13),
  ...reductions.map(name => axesToInput(`Reduce${name}`, 18)),

  /** `starts`, `ends` and (by default 0, 1, …) `axes`; steps are new. */
  { opType: 'Slice', since: 10, rewrite(graph, node) {
    const [starts, ends] = [exactIntsOf(node, 'starts'), exactIntsOf(node, 'ends')];
    if (starts === null || ends === null) return refuse(node, 10, `it has no list 'starts' or 'ends'`);
    const axes = exactIntsOf(node, 'axes') ?? starts.map((_, axis) => axis);
    setConstant(graph, node, 1, 'starts', int64s(starts));
    setConstant(graph, node, 2, 'ends', int64s(ends));
    setConstant(graph, node, 3, 'axes', int64s(axes));
    return node;
  } },
  /** `k` */
  { opType: 'TopK', since: 10, rewrite(graph, node) {
    if (!node.attributes.has('k')) return refuse(node, 10, `it has no attribute 'k'`);
    setConstant(graph, node, 1, 'k', int64s([intOf(node, 'k', 1)]));
    return node;
  } },
  /** `min` and `max`; absent, that side is open. */
  { opType: 'Clip', since: 11, rewrite(graph, node) {
    for (const [index, name] of [[1, 'min'], [2, 'max']] as const) {
      if (node.attributes.has(name)) setConstant(graph, node, index, name, scalarLike(node, floatOf(node, name, 0), 11));
    }
    return node;
  } },
  /** `pads`, and `value`, by default 0. */
  { opType: 'Pad', since: 11, rewrite(graph, node) {
    const [pads, value] = [exactIntsOf(node, 'pads'), floatOf(node, 'value', 0)];
    if (pads === null) return refuse(node, 11, `it has no list 'pads'`);
    setConstant(graph, node, 1, 'pads', int64s(pads));
    node.attributes.delete('value');
    if (value !== 0) setConstant(graph, node, 2, 'value', scalarLike(node, value, 11));
    return node;
  } },
  /** `ratio`; and what the mask holds outside training is said only since. */
  { opType: 'Dropout', since: 12, rewrite(graph, node) {
    dropUnread(graph, node, 12, 'its mask is read');
    if (node.attributes.has('ratio')) {
      setConstant(graph, node, 1, 'ratio', { dtype: 'float32', dims: [], data: Float32Array.of(floatOf(node, 'ratio', 0.5)) });
    }
    return node;
  } },
  /** `split`; absent, the parts are equal. */
  { opType: 'Split', since: 13, rewrite(graph, node) {
    const sizes = exactIntsOf(node, 'split');
    if (sizes !== null) setConstant(graph, node, 1, 'split', int64s(sizes));
    return node;
  } },
  /** Equal parts were counted by the outputs. */
  { opType: 'Split', since: 18, rewrite(_, node) {
    if (!node.inputs[1]) node.attributes.set('num_outputs', intAttribute(node.outputs.length));
    return node;
  } },
  /** `axis`, by default 1. */
  { opType: 'DFT', since: 20, rewrite(graph, node) {
    setConstant(graph, node, 2, 'axis', { dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(intOf(node, 'axis', 1))) });
    return node;
  } },
];

/** The attribute `axes`; absent, it stays so. */
function axesToInput(opType: string, since: number): FormChange {
  return { opType, since, rewrite(graph, node) {
    const axes = exactIntsOf(node, 'axes');
    if (axes !== null) setConstant(graph, node, 1, 'axes', int64s(axes));
    return node;
  } };
}
