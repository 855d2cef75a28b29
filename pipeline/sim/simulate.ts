import { float32Tensor } from '../base/tensor.ts';
import type { BiasQuantizer, EncodingTable, Placement, Quantizer } from '../config/placement.ts';
import { arithmeticChain, encodingsOf, insertQuantizer, qdqChain } from '../export/insert-quantizer.ts';
import { constantOf, quantizedBias } from '../export/store-constants.ts';
import { cloneModel } from '../graph/clone.ts';
import { addInitializer, removeDeadInitializers, replaceUses, setInput } from '../graph/edit.ts';
import type { Graph, Model } from '../graph/graph.ts';
import { initializerOf } from '../graph/node.ts';
import { dequantizeBias } from '../quant/bias.ts';
import type { Encoding } from '../quant/encoding.ts';
import { splitOf } from '../quant/granularity.ts';
import type { Grid } from '../quant/grid.ts';
import { fakeQuantized, storageOf } from '../quant/stored.ts';

export interface SimulateOptions {
  /** 'int32' (default) rounds biases as the exported model stores them; 'float' leaves them as they are. */
  readonly bias?: 'int32' | 'float';
}

/**
 * The model with its quantizers simulated in float: constants rounded to their grids, activations quantized and at once dequantized.
 * Run it with the session option `fuseQuantized: false`, so that the engine does not turn the pairs into integer kernels.
 */
export function simulate(model: Model, placement: Placement, encodings: EncodingTable, { bias = 'int32' }: SimulateOptions = {}): Model {
  const copy = cloneModel(model);
  const { graph } = copy;
  if (bias === 'int32') for (const quantizer of placement.biases) roundBias(graph, quantizer, encodings);
  for (const quantizer of placement.quantizers) {
    const value = graph.values.get(quantizer.tensor);
    if (value === undefined) continue;
    if (value.initializer !== null) roundConstant(graph, quantizer, encodings);
    else insertQuantizer(graph, value, encodingsOf(encodings, quantizer.tensor), encoding => chainOf(encoding, quantizer.grid));
  }
  removeDeadInitializers(graph);
  return copy;
}

/** Up to here the engine's own operators simulate an activation; they exist in every operator set that has channels. */
const QDQ_BITS = 8;

function chainOf(encoding: Encoding, grid: Grid) {
  return grid.bitwidth <= QDQ_BITS ? qdqChain(encoding, storageOf(grid, false)) : arithmeticChain(encoding);
}

function roundConstant(graph: Graph, { tensor, granularity }: Quantizer, encodings: EncodingTable): void {
  const { value, dims, values } = constantOf(graph, tensor);
  const rounded = float32Tensor(dims, fakeQuantized(values, splitOf(dims, granularity), encodingsOf(encodings, tensor)));
  if (value.uses.every(({ index }) => index >= 0)) value.initializer = initializerOf(rounded);
  else replaceUses(value, addInitializer(graph, `${tensor}_rounded`, rounded)); // a subgraph reads it too, and stays in float
}

function roundBias(graph: Graph, bias: BiasQuantizer, encodings: EncodingTable): void {
  const quantized = quantizedBias(graph, bias, encodings);
  if (quantized === null) return;
  const { use: { node, index }, dims } = quantized;
  setInput(node, index, addInitializer(graph, `${bias.tensor}_rounded`, float32Tensor(dims, dequantizeBias(quantized))));
}
