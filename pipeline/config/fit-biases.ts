import type { Model } from '../graph/graph.ts';
import { fitWeightsToBias } from '../quant/bias.ts';
import type { EncodingTable, Placement } from './placement.ts';

/**
 * Encodings with room for every int32 bias: the delta of a weight channel is raised where its bias would need more than 31 bits of
 * steps, and with it that of every tensor that shares its encoding (a Gather's output has that of the table). Part of encoding, so
 * that everything written from the encodings (files, simulated and exported models) agrees.
 */
export function fitBiases({ graph }: Model, { biases, quantizers }: Placement, encodings: EncodingTable): EncodingTable {
  const fitted = new Map(encodings);
  const groups = new Map(quantizers.map(({ tensor, group }) => [tensor, group]));
  for (const { tensor, input, weight, granularity } of biases) {
    const data = graph.values.get(tensor)?.initializer?.read().data;
    const dims = graph.values.get(weight)?.initializer?.dims;
    const [inputEncoding] = fitted.get(input) ?? [];
    const weights = fitted.get(weight);
    if (!(data instanceof Float32Array) || inputEncoding === undefined || weights === undefined || dims === undefined) continue;
    const raised = fitWeightsToBias(data, inputEncoding, { tensor: weight, dims, granularity, encodings: weights });
    fitted.set(weight, raised);
    for (const { tensor, group } of quantizers) if (group === groups.get(weight)) fitted.set(tensor, raised);
  }
  return fitted;
}
