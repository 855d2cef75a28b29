import { float32Tensor } from '../base/tensor.ts';
import type { BiasQuantizer, EncodingTable, FloatQuantizer, Placement } from '../config/placement.ts';
import { castChain, type Chain, encodingsOf, insertChain, insertQuantizer, neededOpset, qdqChain, quantizedBias, roundConstant, roundFloatConstant, wideChain } from '../export/index.ts';
import { cloneModel } from '../graph/clone.ts';
import { addInitializer, removeDeadInitializers, setInput } from '../graph/edit.ts';
import type { Graph, Model } from '../graph/graph.ts';
import { raiseOpset } from '../passes/raise-opset.ts';
import { dequantizeBias } from '../quant/bias.ts';
import type { Encoding } from '../quant/encoding.ts';
import { storageOf, WIDEST_STORED } from '../quant/stored.ts';

export interface SimulateOptions {
  /** 'int32' (default) rounds biases as the exported model stores them; 'float' leaves them as they are. */
  readonly bias?: 'int32' | 'float';
}

/**
 * The model with its quantizers simulated in float: constants rounded to their grids, activations quantized and at once dequantized.
 * Run it with the session option `fuseQuantized: false`, so that the engine does not turn the pairs into integer kernels.
 *
 * Activations of up to 16 bits: Clip (where the type does not saturate by itself), QuantizeLinear, DequantizeLinear. More than 8 bits
 * raise the model to opset 21. Wider ones: arithmetic nodes. 16-bit floats: Cast and back. Other nodes are of the same version as in the exported
 * model: an engine may have another kernel for another version, which adds up in another order, and a mean of codes is often half way between two.
 */
export function simulate(model: Model, placement: Placement, encodings: EncodingTable, { bias = 'int32' }: SimulateOptions = {}): Model {
  const copy = cloneModel(model);
  const { graph } = copy;
  raiseOpset(neededOpset(placement))(copy);
  if (bias === 'int32') for (const quantizer of placement.biases) roundBias(graph, quantizer, encodings);
  for (const quantizer of placement.quantizers) {
    const value = graph.values.get(quantizer.tensor);
    if (value === undefined) continue;
    if (value.initializer !== null) roundConstant(graph, quantizer, encodings);
    else insertQuantizer(graph, value, encodingsOf(encodings, quantizer.tensor), chainOf);
  }
  for (const quantizer of placement.floats) roundToFloat(graph, quantizer);
  removeDeadInitializers(graph);
  return copy;
}

/** The engine's own operators simulate an activation wherever they have a type for its codes. */
function chainOf(encoding: Encoding): Chain {
  return encoding.grid.bitwidth <= WIDEST_STORED ? qdqChain(encoding, storageOf(encoding.grid, false, 8)) : wideChain(encoding);
}

function roundToFloat(graph: Graph, quantizer: FloatQuantizer): void {
  const value = graph.values.get(quantizer.tensor);
  if (value === undefined) return;
  if (value.initializer !== null) roundFloatConstant(graph, quantizer);
  else insertChain(graph, value, castChain(quantizer.format));
}

function roundBias(graph: Graph, bias: BiasQuantizer, encodings: EncodingTable): void {
  const quantized = quantizedBias(graph, bias, encodings);
  if (quantized === null) return;
  const { use: { node, index }, dims } = quantized;
  setInput(node, index, addInitializer(graph, `${bias.tensor}_rounded`, float32Tensor(dims, dequantizeBias(quantized))));
}
