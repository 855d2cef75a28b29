import type { EncodingTable, FloatQuantizer, Placement, Quantizer } from '../config/placement.ts';
import { cloneModel } from '../graph/clone.ts';
import { removeDeadInitializers } from '../graph/edit.ts';
import type { Graph, Model } from '../graph/graph.ts';
import type { Value } from '../graph/node.ts';
import { raiseOpset } from '../passes/raise-opset.ts';
import type { Encoding } from '../quant/encoding.ts';
import { type Storage, storageOf, WIDEST_STORED } from '../quant/stored.ts';
import { absorbScales } from './absorb-scales.ts';
import { columnsAsChannels } from './columns-as-channels.ts';
import { dropRedundantClips } from './drop-clips.ts';
import { forgetInferredTypes } from './forget-types.ts';
import { shieldWeights } from './shield-weights.ts';
import { shieldSoftmax } from './shield-softmax.ts';
import { castChain, encodingsOf, insertChain, insertQuantizer, qdqChain, wideChain } from './insert-quantizer.ts';
import { roundConstant, storeBias, storeConstant, storeFloatConstant } from './store-constants.ts';

/** Signed types have zero point 0 for symmetric grids, unsigned ones 2^(bits - 1): the same codes and values either way. */
export type Signedness = 'uint8' | 'int8';

export interface QdqOptions {
  /**
   * How weights are stored; 4- and 16-bit ones likewise. Default: as activations. Engines multiply uint8 by int8 with saturating 16-bit sums on
   * x64 without VNNI, and uint8 by uint8 exactly; int8 by uint8 they do not multiply as integers.
   */
  readonly weightType?: Signedness;
  /** How activations are stored. Default 'uint8', which ONNX Runtime fuses everywhere; int8 on x64 only where a tensor has one reader. */
  readonly activationType?: Signedness;
  /** A QuantizeLinear and DequantizeLinear for every reader of a tensor, as TensorRT wants them. Default false: one pair for all. */
  readonly dedicatedPairs?: boolean;
  /**
   * 'float' keeps the kernels of convolutions of one input channel each (depthwise ones, and the first of grey images) as floats, rounded to their
   * grids: the same results, by float kernels. onnxruntime-web's integer ones take 3 to 10 times as long, and the weights are small. Default 'integer'.
   */
  readonly depthwise?: 'integer' | 'float';
  /**
   * Whether the columns of int8 kernels of one input channel become channels, as ONNX Runtime's kernels on x64 are faster with: see {@link columnsAsChannels}.
   * Default false.
   */
  readonly columnsAsChannels?: boolean;
}

/** QuantizeLinear per channel exists since this version of the standard operators. */
const PER_CHANNEL_OPSET = 13;
/** Types of 4 and 16 bits, and blocks, since this one. */
const BLOCK_OPSET = 21;

/**
 * The quantized model in ONNX's own operators: constants stored as integers with a DequantizeLinear, activations through
 * QuantizeLinear and DequantizeLinear, biases as int32. Graph inputs and outputs keep names and types, and tensors that are still there their names. Its results are those of
 * `simulate` (sim/simulate.ts) wherever the engine runs the operators as they stand.
 *
 * A model with 4-bit or 16-bit types or with blocks is raised to opset 21. Grids of more than 16 bits, which no integer type holds, stay
 * simulated: see {@link exportWarnings}. 16-bit floats are stored as such, and cast.
 *
 * @throws QuantpipeError `op-unsupported` where a node of the model has no form in the operator set that is needed
 */
export function qdqModel(model: Model, placement: Placement, encodings: EncodingTable, options: QdqOptions = {}): Model {
  const copy = cloneModel(model);
  const { graph } = copy;
  raiseOpset(neededOpset(placement))(copy);
  for (const bias of placement.biases) storeBias(graph, bias, encodings);
  for (const quantizer of placement.quantizers) quantize(graph, quantizer, encodings, options);
  for (const quantizer of placement.floats) storeAsFloat(graph, quantizer, options);
  absorbScales(graph);
  dropRedundantClips(graph);
  if (options.columnsAsChannels) columnsAsChannels(graph);
  shieldWeights(graph);
  shieldSoftmax(graph);
  dropStoredInputs(copy, placement);
  removeDeadInitializers(graph);
  forgetInferredTypes(graph);
  return copy;
}

/** What the user should know of the model that {@link qdqModel} makes: one sentence each. */
export function exportWarnings({ quantizers }: Placement): string[] {
  const wide = quantizers.filter(({ grid }) => grid.bitwidth > WIDEST_STORED);
  if (wide.length === 0) return [];
  return [`no integer type of ONNX's quantization holds more than ${WIDEST_STORED} bits: ${wide.length} ${wide.length === 1 ? 'tensor' : 'tensors'} of model.qdq.onnx ` +
    `(first '${wide[0]!.tensor}', ${wide[0]!.grid.bitwidth} bits) ${wide.length === 1 ? 'is' : 'are'} simulated in float`];
}

/** The version of the standard operators that the quantized model needs at least. */
export function neededOpset({ quantizers }: Placement): number {
  const isNew = (quantizer: Quantizer) => quantizer.grid.bitwidth <= WIDEST_STORED
    && (quantizer.granularity.kind === 'block' || !storageIn(quantizer, {}).dtype.endsWith('8'));
  return quantizers.some(isNew) ? BLOCK_OPSET : PER_CHANNEL_OPSET;
}

/**
 * The type that holds a quantizer's codes. Activations have no 4-bit type: ONNX Runtime's fusions of Clip and Relu with QuantizeLinear
 * do not know them, and refuse the model or lose the Relu.
 */
function storageIn({ role, grid }: Quantizer, { activationType = 'uint8', weightType = activationType }: QdqOptions): Storage {
  return role === 'weight' ? storageOf(grid, weightType === 'int8') : storageOf(grid, activationType === 'int8', 8);
}

function quantize(graph: Graph, quantizer: Quantizer, encodings: EncodingTable, options: QdqOptions): void {
  const { tensor, grid } = quantizer;
  const value = graph.values.get(tensor);
  if (value === undefined) return;
  const isWide = grid.bitwidth > WIDEST_STORED;
  if (value.initializer !== null && (isWide || (options.depthwise === 'float' && isOneChannelKernel(value)))) return roundConstant(graph, quantizer, encodings);
  const storage = isWide ? null : storageIn(quantizer, options);
  if (value.initializer !== null) return storeConstant(graph, quantizer, encodings, storage!);
  const chainOf = (encoding: Encoding) => storage === null ? wideChain(encoding) : qdqChain(encoding, storage);
  insertQuantizer(graph, value, encodingsOf(encodings, tensor), chainOf, { dedicated: options.dedicatedPairs ?? false });
}

/** Whether a constant is the kernel of convolutions of one input channel each, and nothing else: depthwise ones, and those of grey images. */
function isOneChannelKernel({ initializer, uses }: Value): boolean {
  return initializer!.dims[1] === 1 && uses.every(({ node, index }) => node.opType === 'Conv' && index === 1);
}

function storeAsFloat(graph: Graph, quantizer: FloatQuantizer, { dedicatedPairs = false }: QdqOptions): void {
  const value = graph.values.get(quantizer.tensor);
  if (value === undefined) return;
  if (value.initializer !== null) storeFloatConstant(graph, quantizer);
  else insertChain(graph, value, castChain(quantizer.format), { dedicated: dedicatedPairs });
}

/** A weight that is listed as a graph input (as files before IR version 4 do) stops being one: nothing reads it any more. */
function dropStoredInputs({ graph }: Model, { quantizers, biases, floats }: Placement): void {
  const stored = new Set([...quantizers, ...biases, ...floats].map(({ tensor }) => tensor));
  const kept = graph.inputs.filter(value => value.initializer === null || value.uses.length > 0 || !stored.has(value.name));
  graph.inputs.splice(0, graph.inputs.length, ...kept);
}
