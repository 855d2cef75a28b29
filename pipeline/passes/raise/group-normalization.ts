import { check } from '../../base/check.ts';
import type { Tensor } from '../../base/tensor.ts';
import { intOf } from '../../graph/attribute.ts';
import { addInitializer, addValue, insertBefore, setInput } from '../../graph/edit.ts';
import type { Graph } from '../../graph/graph.ts';
import type { Node } from '../../graph/node.ts';
import { type FormChange, int64s, refuse } from './form-change.ts';

/** Scale and bias were of a group, and became of a channel: each channel reads the entry of its group. */
export const groupNormalizationChanges: readonly FormChange[] = [
  { opType: 'GroupNormalization', since: 21, rewrite(graph, node) {
    const groupOfChannel = groupsOf(node);
    for (const index of [1, 2]) spread(graph, node, index, groupOfChannel);
    return node;
  } },
];

/** The group that each channel belongs to: the first channels to group 0, and so on. */
function groupsOf(node: Node): readonly number[] {
  const [groups, channels] = [intOf(node, 'num_groups', 0), node.inputs[0]?.type?.shape?.[1]];
  if (typeof channels !== 'number') return refuse(node, 21, 'its scale and bias per group have to become per channel, and how many channels it has is not known');
  if (groups < 1 || channels % groups !== 0) return refuse(node, 21, `its ${channels} channels do not divide into ${groups} groups`);
  return Array.from({ length: channels }, (_, channel) => Math.floor(channel * groups / channels));
}

/** Let input `index` be a vector with an entry per channel: a new constant where it was one, else a Gather. */
function spread(graph: Graph, node: Node, index: number, groupOfChannel: readonly number[]): void {
  const perGroup = node.inputs[index];
  check(perGroup, `${node.label} has no input ${index}`);
  const name = `${perGroup.name}_per_channel`;
  if (perGroup.initializer !== null && !graph.inputs.includes(perGroup)) {
    setInput(node, index, addInitializer(graph, name, taken(perGroup.initializer.read(), groupOfChannel)));
    return;
  }
  const perChannel = addValue(graph, name);
  insertBefore(graph, node, { opType: 'Gather', inputs: [perGroup, addInitializer(graph, `${name}_groups`, int64s(groupOfChannel))], outputs: [perChannel] });
  setInput(node, index, perChannel);
}

/** The entries of a vector of floats at these positions. */
function taken({ dtype, data }: Tensor, at: readonly number[]): Tensor {
  const source = data as Float32Array; // or of another width: all index and construct alike
  return { dtype, dims: [at.length], data: (source.constructor as Float32ArrayConstructor).from(at, i => source[i]!) };
}
