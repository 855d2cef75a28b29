import { QuantpipeError } from '../base/errors.ts';
import type { EncodingTable, Placement, Quantizer } from '../config/placement.ts';
import { cloneModel } from '../graph/clone.ts';
import { removeDeadInitializers } from '../graph/edit.ts';
import type { Model } from '../graph/graph.ts';
import { type Storage, storageOf } from '../quant/stored.ts';
import { absorbScales } from './absorb-scales.ts';
import { dropRedundantClips } from './drop-clips.ts';
import { encodingsOf, insertQuantizer, qdqChain } from './insert-quantizer.ts';
import { storeBias, storeConstant } from './store-constants.ts';

export interface QdqOptions {
  /**
   * How symmetric weights are stored. 'uint8' (default) has zero point 128, 'int8' 0: the same codes and values, but engines multiply
   * uint8 by int8 with saturating 16-bit sums on x64 without VNNI, and uint8 by uint8 exactly.
   */
  readonly weightType?: 'uint8' | 'int8';
}

/** QuantizeLinear per channel exists since this version of the standard operators. */
const PER_CHANNEL_OPSET = 13;
/** 16-bit types since this one. */
const SIXTEEN_BIT_OPSET = 21;

/**
 * The quantized model in ONNX's own operators: constants stored as integers with a DequantizeLinear, activations through
 * QuantizeLinear and DequantizeLinear, biases as int32. Graph inputs and outputs keep names and types. Its results are those of
 * `simulate` (sim/simulate.ts) wherever the engine runs the operators as they stand.
 *
 * @throws QuantpipeError `op-unsupported` where the model's operator set cannot hold what is asked
 */
export function qdqModel(model: Model, placement: Placement, encodings: EncodingTable, { weightType = 'uint8' }: QdqOptions = {}): Model {
  const copy = cloneModel(model);
  const { graph } = copy;
  const opset = copy.opsets.get('') ?? 0;
  for (const bias of placement.biases) storeBias(graph, bias, encodings);
  for (const quantizer of placement.quantizers) {
    const value = graph.values.get(quantizer.tensor);
    if (value === undefined) continue;
    const storage = storageIn(opset, quantizer, weightType);
    if (value.initializer !== null) storeConstant(graph, quantizer, encodings, storage);
    else insertQuantizer(graph, value, encodingsOf(encodings, quantizer.tensor), encoding => qdqChain(encoding, storage));
  }
  absorbScales(graph);
  dropRedundantClips(graph);
  dropStoredInputs(copy, placement);
  removeDeadInitializers(graph);
  return copy;
}

/** The type that holds a quantizer's codes, as far as the operator set has it. */
function storageIn(opset: number, { tensor, role, grid }: Quantizer, weightType: 'uint8' | 'int8'): Storage {
  const needed = grid.bitwidth > 8 ? SIXTEEN_BIT_OPSET : PER_CHANNEL_OPSET;
  if (opset < needed) {
    throw new QuantpipeError('op-unsupported', `'${tensor}' has ${grid.bitwidth} bits, which needs operator set ${needed}; the model has ${opset}`, { tensor });
  }
  return storageOf(grid, role === 'weight' && weightType === 'int8');
}

/** A weight that is listed as a graph input (as files before IR version 4 do) stops being one: nothing reads it any more. */
function dropStoredInputs({ graph }: Model, { quantizers, biases }: Placement): void {
  const stored = new Set([...quantizers, ...biases].map(({ tensor }) => tensor));
  const kept = graph.inputs.filter(value => value.initializer === null || value.uses.length > 0 || !stored.has(value.name));
  graph.inputs.splice(0, graph.inputs.length, ...kept);
}
