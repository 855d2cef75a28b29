import { createHash } from 'node:crypto';

import { QuantpipeError } from '../base/errors.ts';
import { listed } from '../base/listed.ts';
import { elementCount } from '../base/tensor.ts';
import type { Placement } from '../config/placement.ts';
import type { SessionInput } from '../engine/index.ts';
import { cloneModel } from '../graph/clone.ts';
import type { Model } from '../graph/graph.ts';
import { modelParts, needsParts, writeModel } from '../onnx/write-model.ts';
import { tapOutputs } from '../passes/tap-outputs.ts';
import { checkFiniteWeights } from './finite-weights.ts';

/** What is observed: which tensors of which model. Derived from model and placement alone, so that every shard has the same. */
export interface Plan {
  /** The prepared model: whose tensors are observed. */
  readonly model: Model;
  /** The model whose outputs are the taps. */
  readonly tapped: Uint8Array;
  /** Content of the file {@link WEIGHTS} that a model too large for one file has beside it; null where it needs none. */
  readonly weights: (() => Iterable<Uint8Array>) | null;
  /** The distinct observed tensors of the placement, in graph order. */
  readonly taps: readonly string[];
  /** SHA-256 of the prepared model, hex: statistics of different models do not merge. */
  readonly hash: string;
  readonly inputs: readonly SessionInput[];
  /** Samples in one run of the model unless the user says otherwise. */
  readonly batchSize: number;
}

/** Name of the file with the weights of a large model. */
export const WEIGHTS = 'weights.data';

/**
 * Input elements that one run takes at most by default: 64 small images, one large one. What a run costs besides its samples (messages, sorting out
 * the histograms) is then below a tenth of it; larger ones hold more memory and gain no speed.
 */
const BATCH_ELEMENTS = 1 << 18;
const LARGEST_BATCH = 64;

export function calibrationPlan(model: Model, placement: Placement): Plan {
  const inputs = sessionInputs(model);
  if (inputs.length === 0) throw new QuantpipeError('op-unsupported', 'the model has no inputs that could be fed with samples: all it computes is constant, so there is nothing to calibrate');
  const taps = [...new Set(placement.quantizers.flatMap(({ observed }) => observed))];
  if (taps.length === 0) throw nothingToCalibrate(model);
  checkFiniteWeights(model, placement);
  const tapped = cloneModel(model);
  tapOutputs(taps, { keepOutputs: false })(tapped);
  const { model: bytes, weights } = needsParts(tapped) ? modelParts(tapped, WEIGHTS) : { model: writeModel(tapped), weights: null };
  return { model, tapped: shared(bytes), weights, taps, hash: modelHash(model), inputs, batchSize: batchSizeFor(inputs) };
}

/** Operators in a message before the rest is counted. */
const OPERATORS_SHOWN = 5;

function nothingToCalibrate({ graph: { nodes, outputs } }: Model): QuantpipeError {
  if (outputs.length === 0) return new QuantpipeError('op-unsupported', 'the model has no outputs, so it computes nothing that could be calibrated');
  const computed = nodes.flatMap(({ outputs }) => outputs.flatMap(output => output?.type?.dtype ?? []));
  const other = computed.find(dtype => dtype === 'float16' || dtype === 'bfloat16' || dtype === 'float64');
  if (other === undefined || computed.includes('float32')) {
    const operators = [...new Set(nodes.map(({ domain, opType }) => domain === '' ? opType : `${domain}.${opType}`))];
    return new QuantpipeError('config-invalid', `the configuration quantizes no activation and no weight of this model (its operators: ${listed(operators, OPERATORS_SHOWN) || 'none'}), so there is nothing to calibrate`);
  }
  return new QuantpipeError('op-unsupported', `the model computes in ${other}, and only float32 is quantized, so there is nothing to calibrate: export it in float32`);
}

/** What the model must be fed, as it declares it; initializers listed as inputs are no inputs. */
export function sessionInputs({ graph }: Model): SessionInput[] {
  return graph.inputs.filter(({ initializer }) => initializer === null).map(({ name, type }) => {
    if (type === null) throw new QuantpipeError('op-unsupported', `model input '${name}' is no tensor, or of an element type that no engine is fed with (complex numbers, floats of 8 or 4 bits, none at all)`, { input: name });
    return { name, dtype: type.dtype, shape: type.shape };
  });
}

/** Of the bytes of its file; of a model too large for one file, of its parts. */
export function modelHash(model: Model): string {
  const hash = createHash('sha256');
  if (!needsParts(model)) return hash.update(writeModel(model)).digest('hex');
  const { model: bytes, weights } = modelParts(model, WEIGHTS);
  hash.update(bytes);
  for (const piece of weights()) hash.update(piece);
  return hash.digest('hex');
}

function batchSizeFor(inputs: readonly SessionInput[]): number {
  const elements = inputs.reduce((sum, { shape }) => sum + elementCount((shape?.slice(1) ?? UNKNOWN_SHAPE).map(dim => typeof dim === 'number' ? dim : FREE_DIMENSION)), 0);
  return Math.max(1, Math.min(LARGEST_BATCH, Math.floor(BATCH_ELEMENTS / elements)));
}

/** What a dimension that the model leaves open is taken for, to choose a batch size. */
const FREE_DIMENSION = 256;
/** A sample of which not even the rank is known. */
const UNKNOWN_SHAPE = [null, null];

/** A copy that all workers read, so that none holds its own. */
export function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
