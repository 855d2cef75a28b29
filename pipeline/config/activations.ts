import type { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/node.ts';
import { TensorSettings } from './tensor-settings.ts';
import type { ConstantOperands } from './constant-operands.ts';
import { elementKind, mayBeQuantized } from './element-kind.ts';
import { holdingZero } from './holding-zero.ts';
import { inputsOf, nameIn, type Operator, type Operators, outputsOf } from './operators.ts';
import type { LayerBias } from './layer-bias.ts';
import { type Bitwidths, overridingKernel, setKernelType } from './supported-kernels.ts';
import { constantParameters } from './params.ts';
import type { OpSettings, QuantsimConfig } from './quantsim-config.ts';
import type { TiedTensors } from './tied-tensors.ts';

/** The graph as the sections of a configuration see it. */
export interface PlacedGraph {
  readonly graph: Graph;
  readonly operators: Operators;
  readonly tied: TiedTensors;
  /** Values inside units. */
  readonly inner: { has(value: Value): boolean };
  /** Values that hold masks; they have no quantizer, whatever the configuration says. */
  readonly masked: { has(value: Value): boolean };
  readonly operands: ConstantOperands;
  /** The biases of layers, which are no operands. */
  readonly biases: readonly LayerBias[];
  /** Whether quantizers go where AIMET puts them. */
  readonly isAimet: boolean;
}

/**
 * Apply the sections that speak of activations, in their order: defaults, op_type, (supergroups: what is inside a unit is not spoken of),
 * model_input, model_output. At first every quantizer is off and asymmetric. `is_symmetric` speaks of inputs and outputs of an operator, whether
 * they are on by then or not. Constants that are computed with as activations are inputs of the model, and only `op_type` and `model_input` turn
 * these on.
 */
export function activationSettings(placed: PlacedGraph, config: QuantsimConfig, bitwidths: Bitwidths): TensorSettings {
  const settings = new TensorSettings(bitwidths.activation);
  applyDefaults(settings, placed, config);
  applyOpTypes(settings, placed, config, bitwidths);
  applyModelInput(settings, placed, config);
  applyModelOutput(settings, placed, config);
  return settings;
}

/** The activations that an operator reads, as the tensors that decide for them. */
function readBy({ tied, inner, operands }: PlacedGraph, operator: Operator): Value[] {
  const constants = new Set(operator.nodes.flatMap(node => operands.of(node)));
  const read = inputsOf(operator).filter(value => !inner.has(value) && mayBeQuantized(value) && (value.initializer === null || constants.has(value)));
  return [...new Set(read.map(value => tied.rootOf(value)))];
}

/** The activations that an operator writes and that have an encoding of their own. */
function writtenBy({ tied, inner }: PlacedGraph, operator: Operator): Value[] {
  return outputsOf(operator).filter(value => !inner.has(value) && mayBeQuantized(value) && tied.rootOf(value) === value);
}

/** What an operator writes, and what it reads that no operator writes: the activations whose bit-widths its kernel decides. */
function ownedBy(placed: PlacedGraph, operator: Operator): Value[] {
  return [...writtenBy(placed, operator), ...readBy(placed, operator).filter(({ producer }) => producer === null)];
}

function hasWeight({ nodes }: Operator): boolean {
  return nodes.some(node => constantParameters(node).length > 0);
}

function applyDefaults(settings: TensorSettings, placed: PlacedGraph, { defaults: { ops } }: QuantsimConfig): void {
  settings.enter('defaults');
  for (const operator of placed.operators.all) {
    // A False for inputs adds nothing to quantizers that are off already, and would contradict is_output_quantized where it is True.
    applyTo(settings, placed, operator, { ...ops, isInputQuantized: null }, 'defaults.ops');
    const computed = ops.isInputQuantized ? readBy(placed, operator).filter(({ producer }) => producer !== null) : [];
    for (const value of computed) settings.set(value, 'isQuantized', true, 'defaults.ops.is_input_quantized');
  }
}

function applyOpTypes(settings: TensorSettings, placed: PlacedGraph, { opTypes }: QuantsimConfig, bitwidths: Bitwidths): void {
  settings.enter('op_type');
  for (const operator of placed.operators.all) {
    const name = nameIn(opTypes, operator);
    const said = opTypes.get(name);
    if (said === undefined) continue;
    const path = `op_type.${name}`;
    const kernel = overridingKernel(said.supportedKernels, bitwidths, hasWeight(operator));
    if (kernel !== null) for (const value of ownedBy(placed, operator)) setKernelType(settings, value, kernel.activation, kernel.path);
    applyTo(settings, placed, operator, said, path);
    if (said.constraint === null) continue;
    const constraint = holdingZero(said.constraint);
    for (const value of writtenBy(placed, operator)) settings.set(value, 'constraint', constraint, `${path}.encoding_constraints`);
  }
}

function applyTo(settings: TensorSettings, placed: PlacedGraph, operator: Operator, said: OpSettings, path: string): void {
  const { isInputQuantized, isOutputQuantized, isSymmetric } = said;
  const written = writtenBy(placed, operator);
  const read = isInputQuantized === null && isSymmetric === null ? [] : readBy(placed, operator);
  if (isSymmetric !== null) for (const value of [...written, ...read]) settings.set(value, 'isSymmetric', isSymmetric, `${path}.is_symmetric`);
  if (isOutputQuantized !== null) for (const value of written) settings.set(value, 'isQuantized', isOutputQuantized, `${path}.is_output_quantized`);
  if (isInputQuantized !== null) for (const value of read) settings.set(value, 'isQuantized', isInputQuantized, `${path}.is_input_quantized`);
}

function applyModelInput(settings: TensorSettings, placed: PlacedGraph, { modelInput: { isInputQuantized } }: QuantsimConfig): void {
  settings.enter('model_input');
  if (isInputQuantized === null) return;
  const constants = placed.graph.nodes.flatMap(node => placed.operands.of(node));
  for (const value of [...modelInputs(placed), ...constants]) settings.set(value, 'isQuantized', isInputQuantized, 'model_input.is_input_quantized');
}

function applyModelOutput(settings: TensorSettings, { graph, tied }: PlacedGraph, { modelOutput: { isOutputQuantized } }: QuantsimConfig): void {
  settings.enter('model_output');
  if (isOutputQuantized === null) return;
  const outputs = graph.outputs.filter(mayBeQuantized).map(value => tied.rootOf(value));
  for (const value of outputs) settings.set(value, 'isQuantized', isOutputQuantized, 'model_output.is_output_quantized');
}

/** The graph inputs, and what those of other float types are cast to. */
function modelInputs({ graph }: PlacedGraph): Value[] {
  const inputs = graph.inputs.filter(value => value.initializer === null);
  const cast = inputs.filter(value => elementKind(value) === 'other-float').flatMap(({ consumers }) => consumers.filter(({ opType }) => opType === 'Cast').map(({ outputs }) => outputs[0]!));
  return [...inputs, ...cast].filter(mayBeQuantized);
}
