import { float32Tensor } from '../base/tensor.ts';
import type { BiasQuantizer, EncodingTable, FloatQuantizer, Placement } from '../config/placement.ts';
import { arithmeticChain, castChain, type Chain, encodingsOf, insertChain, insertQuantizer, qdqChain } from '../export/insert-quantizer.ts';
import { quantizedBias, roundConstant, roundFloatConstant } from '../export/store-constants.ts';
import { cloneModel } from '../graph/clone.ts';
import { addInitializer, removeDeadInitializers, setInput } from '../graph/edit.ts';
import type { Graph, Model } from '../graph/graph.ts';
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
 * Activations of up to 16 bits: Clip (where the type does not saturate by itself), QuantizeLinear, DequantizeLinear. Wider ones, and more than 8 bits
 * before opset 21: arithmetic nodes. 16-bit floats: Cast and back.
 */
export function simulate(model: Model, placement: Placement, encodings: EncodingTable, { bias = 'int32' }: SimulateOptions = {}): Model {
  const copy = cloneModel(model);
  const { graph } = copy;
  if (bias === 'int32') for (const quantizer of placement.biases) roundBias(graph, quantizer, encodings);
  for (const quantizer of placement.quantizers) {
    const value = graph.values.get(quantizer.tensor);
    if (value === undefined) continue;
    if (value.initializer !== null) roundConstant(graph, quantizer, encodings);
    else insertQuantizer(graph, value, encodingsOf(encodings, quantizer.tensor), encoding => chainOf(encoding, copy.opsets.get('') ?? 0));
  }
  for (const quantizer of placement.floats) roundToFloat(graph, quantizer);
  removeDeadInitializers(graph);
  return copy;
}

/** QuantizeLinear has 16-bit types since this version of the standard operators. */
const SIXTEEN_BIT_OPSET = 21;

/** The engine's own operators simulate an activation wherever the model's operator set has a type for its codes. */
function chainOf(encoding: Encoding, opset: number): Chain {
  const { bitwidth } = encoding.grid;
  return bitwidth <= (opset >= SIXTEEN_BIT_OPSET ? WIDEST_STORED : 8) ? qdqChain(encoding, storageOf(encoding.grid, false, 8)) : arithmeticChain(encoding);
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
