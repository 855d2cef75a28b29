import type { EncodingTable } from '../config/placement.ts';
import type { Graph } from '../graph/graph.ts';

/** One step of every graph output that has one encoding, its own or that of what was cast to it; of no output before there are encodings. */
export function outputDeltas({ outputs }: Graph, encodings: EncodingTable | null): ReadonlyMap<string, number> {
  return new Map(outputs.flatMap(({ name, producer }) => {
    const cast = producer?.opType === 'Cast' ? producer.inputs[0]!.name : name;
    const [first, ...more] = encodings?.get(name) ?? encodings?.get(cast) ?? [];
    return first !== undefined && more.length === 0 ? [[name, first.delta] as const] : [];
  }));
}
