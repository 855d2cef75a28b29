import { QuantpipeError } from '../base/errors.ts';
import { listed } from '../base/listed.ts';
import type { Model } from '../graph/graph.ts';

/**
 * An engine that does not know an operator may not say where it stands: add the nodes of `model` that have it. Any other error
 * is returned as it is.
 */
export function nameNodes(error: unknown, { graph }: Model): unknown {
  if (!(error instanceof QuantpipeError) || error.code !== 'engine-failed') return error;
  const { operator, domain, node } = error.context;
  if (operator === undefined || node !== undefined) return error;
  const nodes = graph.nodes.filter(({ opType, domain: of }) => opType === operator && of === domain);
  if (nodes.length === 0) return error; // it stands in a subgraph
  const names = listed(nodes.map(({ label, name }) => name === '' ? label : `'${name}'`));
  return new QuantpipeError(error.code, `${error.message}; it is the operator of ${names}`, { ...error.context, node: nodes[0]!.label }, { cause: error });
}
