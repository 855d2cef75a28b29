import type { Model } from '../graph/graph.ts';
import type { PassResult } from './pass.ts';

/**
 * Take initializers off the list of graph inputs. Old exporters list every weight there, which makes it a default that a
 * caller may replace; what has been calibrated and quantized may not be replaced.
 */
export function freezeDefaults({ graph }: Model): PassResult {
  const open = graph.inputs.filter(({ initializer }) => initializer === null);
  const rewrites = graph.inputs.length - open.length;
  if (rewrites > 0) graph.inputs.splice(0, graph.inputs.length, ...open);
  return { rewrites };
}
