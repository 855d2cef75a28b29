import type { Graph } from './graph.ts';

/** Today's names of values by those that the user's model has for them, where preparing gave them others. */
export function namesByFormer(graph: Graph): ReadonlyMap<string, string> {
  return new Map([...graph.values.values()].flatMap(({ name, formerName }) => formerName === null ? [] : [[formerName, name] as const]));
}
