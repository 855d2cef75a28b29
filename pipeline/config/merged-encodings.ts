import type { Value } from '../graph/node.ts';
import type { PlacedGraph } from './activations.ts';
import type { TensorSetting, TensorSettings } from './tensor-settings.ts';
import { nameIn, type Operator, outputsOf } from './operators.ts';
import type { Constraint } from './placement.ts';
import type { QuantsimConfig } from './quantsim-config.ts';

/** Operators whose output is put together of several tensors, and the inputs that hold them; null means all. They take the encoding of the output. */
const JOINING: ReadonlyMap<string, readonly number[] | null> = new Map<string, readonly number[] | null>([
  ['Concat', null], ['Scatter', [0, 2]], ['ScatterElements', [0, 2]], ['ScatterND', [0, 2]],
  ['Max', null], ['Min', null], // every element is one input's or another's: the output has the range of neither alone
]);
/** Operators that stay within the range of their first input: the output takes its encoding. */
const WITHIN: ReadonlySet<string> = new Set(['AveragePool', 'GlobalAveragePool', 'Resize', 'Upsample']);

/** Names that the section `ties` may have. */
export const TIED_OPERATORS: readonly string[] = [...JOINING.keys(), ...WITHIN];

/**
 * Which observed tensors share one encoding that is found on the statistics of all of them, because the kernel of the operator between
 * them knows one encoding only. (What an operator merely moves is tied already, see tied-tensors.ts.)
 *
 * - The inputs of a joining operator take the encoding of its output. Where all of them have one and the same constraint, the output has it too;
 *   else that of the output holds. Constants are inputs like others, unless they are weights.
 * - The output of the others takes the encoding of the first input, with the constraint that this has.
 * - Symmetric where one of them is, with as many bits as the widest. What has no quantizer is not tied.
 *
 * Where neither a Hexagon, which has no other kernel, nor AIMET's placement asks for it but the section `ties` alone, some inputs of a joining
 * operator keep their own encoding, because they would lose by it: those that others read too, those with another constraint than the output,
 * and constants. Of the activations among them {@link untied} tells.
 *
 * @see AIMET, aimet_onnx/quantsim.py, _propagate_output_encodings and _propagate_input_encodings
 */
export class MergedEncodings {
  readonly #placed: PlacedGraph;
  readonly #settings: TensorSettings;
  /** Whether every input of a joining operator is tied, whatever it loses. */
  readonly #isStrict: boolean;
  /** The tensors that are tied, the same list under each of them. */
  readonly #groups = new Map<Value, readonly Value[]>();
  readonly #merged = new Map<Value, TensorSetting>();
  readonly #untied = new Map<Value, string>();

  /** @param mergeable the tensors that have an encoding and may share it */
  constructor(placed: PlacedGraph, config: QuantsimConfig, settings: TensorSettings, mergeable: ReadonlySet<Value>) {
    this.#placed = placed;
    this.#settings = settings;
    this.#isStrict = placed.isAimet || config.defaults.hwVersion !== null;
    for (const operator of placed.operators.all.filter(operator => isTied(operator, config))) {
      const [output] = outputsOf(operator);
      if (output === undefined || placed.tied.rootOf(output) !== output || !mergeable.has(output)) continue;
      const inputs = dataOf(operator).map(value => placed.tied.rootOf(value)).filter(root => mergeable.has(root));
      if (JOINING.has(operator.opType)) this.#join(operator, inputs, output);
      else if (inputs[0]?.initializer === null) this.#merge([inputs[0], output], this.settingOf(inputs[0]).constraint);
    }
  }

  /** The tensors that share the encoding of `root`: `root` alone where no other does. */
  groupOf(root: Value): readonly Value[] {
    return this.#groups.get(root) ?? [root];
  }

  /** What holds for the encoding of `root`. */
  settingOf(root: Value): TensorSetting {
    return this.#merged.get(root) ?? this.#settings.of(root);
  }

  /** Why tensors that an operator should tie are not; by tensor. */
  get untied(): ReadonlyMap<Value, string> {
    return this.#untied;
  }

  #join(operator: Operator, inputs: readonly Value[], output: Value): void {
    const constraints = inputs.map(value => this.settingOf(value).constraint);
    const all = dataOf(operator).length === inputs.length && constraints.every(constraint => isSame(constraint, constraints[0]!)) ? constraints[0]! : null;
    const constraint = this.settingOf(output).constraint ?? all;
    const tied = this.#isStrict ? inputs : inputs.filter(value => value.initializer === null && !this.#keepsItsOwn(operator, value, constraint));
    this.#merge([...tied, output], constraint);
  }

  #keepsItsOwn(operator: Operator, value: Value, constraint: Constraint | null): boolean {
    const others = this.#otherReaders(operator, value);
    const isElse = !isSame(this.settingOf(value).constraint, constraint);
    if (others.length > 0) this.#untied.set(value, `also read by ${namesOf(others)}`);
    else if (isElse) this.#untied.set(value, `the configuration fixes another range for it`);
    return others.length > 0 || isElse;
  }

  #merge(tied: readonly Value[], constraint: Constraint | null): void {
    const members = [...new Set(tied.flatMap(value => this.groupOf(value)))];
    const settings = members.map(value => this.settingOf(value));
    const isSymmetric = settings.some(setting => setting.isSymmetric);
    const bitwidth = Math.max(...settings.map(setting => setting.bitwidth));
    const decider = settings.find(setting => setting.isSymmetric === isSymmetric && setting.bitwidth === bitwidth) ?? settings.at(-1)!;
    members.forEach((member, index) => {
      const own = settings[index]!;
      const isOwn = own.isSymmetric === isSymmetric && own.bitwidth === bitwidth;
      this.#groups.set(member, members);
      this.#merged.set(member, { ...own, isSymmetric, bitwidth, constraint, rule: isOwn || decider.rule === null ? own.rule : { section: 'exception', path: decider.rule.path } });
    });
  }

  /** Who else reads a tensor, or what was moved out of it. */
  #otherReaders(operator: Operator, root: Value): Operator[] {
    const { graph, operators, tied } = this.#placed;
    const shared = [...graph.values.values()].filter(value => tied.rootOf(value) === root);
    const readers = shared.flatMap(value => value.uses).filter(({ node }) => !tied.isMover(node)).map(({ node }) => operators.of(node));
    return [...new Set(readers)].filter(reader => reader !== operator);
  }
}

/** Names in a reason before the rest is counted. */
const NAMES_SHOWN = 3;

function namesOf(operators: readonly Operator[]): string {
  const names = operators.map(({ kind, nodes: [first] }) => first!.name === '' ? first!.label : `${kind} '${first!.name}'`);
  return names.slice(0, NAMES_SHOWN).join(', ') + (names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : '');
}

function isTied(operator: Operator, { ties, defaults }: QuantsimConfig): boolean {
  const { opType } = operator;
  return (JOINING.has(opType) || WITHIN.has(opType)) && (ties.get(nameIn(ties, operator)) ?? defaults.hwVersion !== null);
}

/** The inputs of an operator that its output is made of. */
function dataOf({ opType, nodes }: Operator): Value[] {
  const places = JOINING.has(opType) ? JOINING.get(opType)! : [0];
  return nodes.at(-1)!.inputs.filter((value, index) => value !== null && (places === null || places.includes(index))) as Value[];
}

function isSame(a: Constraint | null, b: Constraint | null): boolean {
  return a?.min === b?.min && a?.max === b?.max;
}
