import type { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/node.ts';
import { ActivationSettings } from './activation-settings.ts';
import { constantOperands } from './constant-operands.ts';
import { elementKind, mayBeQuantized } from './element-kind.ts';
import { inputsOf, type Operator, type Operators, outputsOf } from './operators.ts';
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
}

/**
 * Apply the sections that speak of activations, in their order: defaults, op_type, (supergroups: what is inside a unit is not spoken of),
 * model_input, model_output. At first every quantizer is off and asymmetric. `is_symmetric` speaks of inputs and outputs of an operator, whether
 * they are on by then or not. Constants that are computed with as activations are inputs of the model, and only `op_type` and `model_input` turn
 * these on.
 */
export function activationSettings(placed: PlacedGraph, config: QuantsimConfig): ActivationSettings {
  const settings = new ActivationSettings();
  applyDefaults(settings, placed, config);
  applyOpTypes(settings, placed, config);
  applyModelInput(settings, placed, config);
  applyModelOutput(settings, placed, config);
  return settings;
}

/** The activations that an operator reads, as the tensors that decide for them. */
function readBy({ tied, inner }: PlacedGraph, operator: Operator): Value[] {
  const constants = new Set(operator.nodes.flatMap(constantOperands));
  const read = inputsOf(operator).filter(value => !inner.has(value) && mayBeQuantized(value) && (value.initializer === null || constants.has(value)));
  return [...new Set(read.map(value => tied.rootOf(value)))];
}

/** The activations that an operator writes and that have an encoding of their own. */
function writtenBy({ tied, inner }: PlacedGraph, operator: Operator): Value[] {
  return outputsOf(operator).filter(value => !inner.has(value) && mayBeQuantized(value) && tied.rootOf(value) === value);
}

function applyDefaults(settings: ActivationSettings, placed: PlacedGraph, { defaults: { ops } }: QuantsimConfig): void {
  settings.enter('defaults');
  for (const operator of placed.operators.all) {
    // A False for inputs adds nothing to quantizers that are off already, and would contradict is_output_quantized where it is True.
    applyTo(settings, placed, operator, { ...ops, isInputQuantized: null }, 'defaults.ops');
    const computed = ops.isInputQuantized ? readBy(placed, operator).filter(({ producer }) => producer !== null) : [];
    for (const value of computed) settings.set(value, 'isQuantized', true, 'defaults.ops.is_input_quantized');
  }
}

function applyOpTypes(settings: ActivationSettings, placed: PlacedGraph, { opTypes }: QuantsimConfig): void {
  settings.enter('op_type');
  for (const operator of placed.operators.all) {
    const said = opTypes.get(operator.opType);
    if (said === undefined) continue;
    const path = `op_type.${operator.opType}`;
    applyTo(settings, placed, operator, said, path);
    if (said.constraint === null) continue;
    for (const value of writtenBy(placed, operator)) settings.set(value, 'constraint', said.constraint, `${path}.encoding_constraints`);
  }
}

function applyTo(settings: ActivationSettings, placed: PlacedGraph, operator: Operator, said: OpSettings, path: string): void {
  const { isInputQuantized, isOutputQuantized, isSymmetric } = said;
  const written = writtenBy(placed, operator);
  const read = isInputQuantized === null && isSymmetric === null ? [] : readBy(placed, operator);
  if (isSymmetric !== null) for (const value of [...written, ...read]) settings.set(value, 'isSymmetric', isSymmetric, `${path}.is_symmetric`);
  if (isOutputQuantized !== null) for (const value of written) settings.set(value, 'isQuantized', isOutputQuantized, `${path}.is_output_quantized`);
  if (isInputQuantized !== null) for (const value of read) settings.set(value, 'isQuantized', isInputQuantized, `${path}.is_input_quantized`);
}

function applyModelInput(settings: ActivationSettings, placed: PlacedGraph, { modelInput: { isInputQuantized } }: QuantsimConfig): void {
  settings.enter('model_input');
  if (isInputQuantized === null) return;
  const constants = placed.graph.nodes.flatMap(constantOperands);
  for (const value of [...modelInputs(placed), ...constants]) settings.set(value, 'isQuantized', isInputQuantized, 'model_input.is_input_quantized');
}

function applyModelOutput(settings: ActivationSettings, { graph, tied }: PlacedGraph, { modelOutput: { isOutputQuantized } }: QuantsimConfig): void {
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
