import { QuantpipeError } from '../base/errors.ts';
import type { EncodingTable, Placement, Quantizer } from '../config/placement.ts';
import type { Graph, Model } from '../graph/graph.ts';
import type { Encoding } from '../quant/encoding.ts';
import { splitOf } from '../quant/granularity.ts';
import type { EncodingsFile } from './read-encodings.ts';

/**
 * A placement with the encodings of a file instead of fitted ones. The file decides which of the placed quantizers there are, and
 * on which grids; what it leaves out is not quantized. A bias is rounded where the file has it, with the step that follows from
 * its neighbours.
 *
 * @param where how messages call the file
 * @throws QuantpipeError `statistics-invalid` where the file does not fit the model, `config-invalid` where it does not fit the placement
 */
export function applyEncodings(model: Model, placement: Placement, file: EncodingsFile, where: string): { placement: Placement; encodings: EncodingTable } {
  const encodings = new Map([...file.activations, ...file.parameters]);
  const placed = new Map(placement.quantizers.map(quantizer => [quantizer.tensor, quantizer]));
  const biases = new Set(placement.biases.map(({ tensor }) => tensor));
  for (const [tensor, fitted] of encodings) {
    if (!model.graph.values.has(tensor)) throw new QuantpipeError('statistics-invalid', `${where}: the model has no tensor '${tensor}'`, { tensor });
    const quantizer = placed.get(tensor);
    if (quantizer !== undefined) checkCount(model.graph, quantizer, fitted, where);
    else if (!biases.has(tensor)) {
      throw new QuantpipeError('config-invalid', `${where}: the configuration places no quantizer on '${tensor}'; name the one the file was made with`, { tensor });
    }
  }
  const quantizers = placement.quantizers.filter(({ tensor }) => encodings.has(tensor))
    .map(quantizer => regraded(quantizer, encodings.get(quantizer.tensor)!));
  const kept = new Set(quantizers.map(({ tensor }) => tensor));
  return {
    placement: { ...placement, quantizers, biases: placement.biases.filter(bias => [bias.input, bias.weight].every(name => kept.has(name)) && encodings.has(bias.tensor)) },
    encodings,
  };
}

/** The grid is the file's; so is the granularity where the file has one encoding for all channels. */
function regraded(quantizer: Quantizer, fitted: readonly Encoding[]): Quantizer {
  const granularity = fitted.length === 1 ? { kind: 'tensor' as const } : quantizer.granularity;
  return { ...quantizer, grid: fitted[0]!.grid, granularity };
}

function checkCount(graph: Graph, { tensor, granularity }: Quantizer, fitted: readonly Encoding[], where: string): void {
  if (fitted.length === 1) return;
  const { encodings } = splitOf(graph.values.get(tensor)!.initializer?.dims ?? [], granularity);
  if (fitted.length !== encodings) {
    throw new QuantpipeError('statistics-invalid', `${where}: '${tensor}' has ${fitted.length} encodings in the file and ${encodings} ${encodings === 1 ? 'channel' : 'channels'} in the model`, { tensor });
  }
}
