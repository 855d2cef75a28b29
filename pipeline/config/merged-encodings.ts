import { listed } from '../base/listed.ts';
import type { Value } from '../graph/node.ts';
import type { PlacedGraph } from './activations.ts';
import { rangeText } from './holding-zero.ts';
import { nameIn, type Operator, outputsOf } from './operators.ts';
import type { Constraint } from './placement.ts';
import type { TensorSetting, TensorSettings } from './tensor-settings.ts';
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

/** An operator, the tensors that it ties, and the constraint that the encoding they share has by it. */
interface Tie {
  readonly operator: Operator;
  readonly tensors: readonly Value[];
  readonly constraint: Constraint | null;
}

/**
 * Which observed tensors share one encoding that is found on the statistics of all of them, because the kernel of the operator between
 * them knows one encoding only. (What an operator merely moves is tied already, see tied-tensors.ts.)
 *
 * - The inputs of a joining operator take the encoding of its output. Where all of them have one and the same constraint, the output has it too;
 *   else that of the output holds. Constants are inputs like others, unless they are weights.
 * - The output of the others takes the encoding of the first input, with the constraint that this has.
 * - Symmetric where one of them is, with as many bits as the widest. What has no quantizer is not tied.
 * - Where several operators tie one group, its range spans those that they would fix: an end is fixed where all of them fix it. {@link warnings} tells of
 *   ranges that differ.
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
  /** The constraints of outputs that follow from inputs: whatever the order of the operators, those before an operator are known when it is looked at. */
  readonly #following = new Map<Value, Constraint | null>();
  readonly warnings: readonly string[];

  /** @param mergeable the tensors that have an encoding and may share it */
  constructor(placed: PlacedGraph, config: QuantsimConfig, settings: TensorSettings, mergeable: ReadonlySet<Value>) {
    this.#placed = placed;
    this.#settings = settings;
    this.#isStrict = placed.isAimet || config.defaults.hwVersion !== null;
    const ties = placed.operators.all.filter(operator => isTied(operator, config)).flatMap((operator): Tie[] => {
      const [output] = outputsOf(operator);
      if (output === undefined || placed.tied.rootOf(output) !== output || !mergeable.has(output)) return [];
      const inputs = dataOf(operator).map(value => placed.tied.rootOf(value)).filter(root => mergeable.has(root));
      if (JOINING.has(operator.opType)) return [this.#join(operator, inputs, output)];
      return inputs[0]?.initializer === null ? [this.#pass(operator, inputs[0], output)] : [];
    });
    for (const { tensors } of ties) this.#unite(tensors);
    this.warnings = this.#settle(ties);
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

  #join(operator: Operator, inputs: readonly Value[], output: Value): Tie {
    const constraints = inputs.map(value => this.#constraintOf(value));
    const all = dataOf(operator).length === inputs.length && constraints.every(constraint => isSame(constraint, constraints[0]!)) ? constraints[0]! : null;
    const constraint = this.#settings.of(output).constraint ?? all;
    this.#following.set(output, constraint);
    const tied = this.#isStrict ? inputs : inputs.filter(value => value.initializer === null && !this.#keepsItsOwn(operator, value, constraint));
    return { operator, tensors: [...tied, output], constraint };
  }

  #pass(operator: Operator, input: Value, output: Value): Tie {
    const constraint = this.#constraintOf(input);
    this.#following.set(output, constraint);
    return { operator, tensors: [input, output], constraint };
  }

  #constraintOf(value: Value): Constraint | null {
    return this.#following.has(value) ? this.#following.get(value)! : this.#settings.of(value).constraint;
  }

  #keepsItsOwn(operator: Operator, value: Value, constraint: Constraint | null): boolean {
    const others = this.#otherReaders(operator, value);
    const isElse = !isSame(this.#constraintOf(value), constraint);
    if (others.length > 0) this.#untied.set(value, `also read by ${namesOf(others)}`);
    else if (isElse) this.#untied.set(value, `the configuration fixes another range for it`);
    return others.length > 0 || isElse;
  }

  #unite(tensors: readonly Value[]): void {
    const members = [...new Set(tensors.flatMap(value => this.groupOf(value)))];
    for (const member of members) this.#groups.set(member, members);
  }

  /** Decide what holds for every group: a function of its members and of all who tie them. */
  #settle(ties: readonly Tie[]): string[] {
    const byGroup = new Map<readonly Value[], Tie[]>();
    for (const tie of ties) {
      const members = this.groupOf(tie.tensors[0]!);
      byGroup.set(members, [...byGroup.get(members) ?? [], tie]);
    }
    return [...byGroup].flatMap(([members, tying]) => {
      const constraint = tying.map(({ constraint }) => constraint).reduce(spanning);
      this.#merge(members, constraint);
      return spanWarnings(members, tying, constraint);
    });
  }

  #merge(members: readonly Value[], constraint: Constraint | null): void {
    const settings = members.map(value => this.#settings.of(value));
    const isSymmetric = settings.some(setting => setting.isSymmetric);
    const bitwidth = Math.max(...settings.map(setting => setting.bitwidth));
    const isWhole = (setting: TensorSetting) => setting.isSymmetric === isSymmetric && setting.bitwidth === bitwidth;
    const byPath = settings.filter(({ rule }) => rule !== null).toSorted((a, b) => (a.rule!.path < b.rule!.path ? -1 : 1));
    const decider = byPath.find(isWhole) ?? byPath.find(setting => setting.bitwidth === bitwidth);
    members.forEach((member, index) => {
      const own = settings[index]!;
      const rule = isWhole(own) || decider === undefined ? own.rule : { section: 'exception', path: decider.rule!.path } as const;
      this.#merged.set(member, { ...own, isSymmetric, bitwidth, constraint, rule });
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

function namesOf(operators: readonly Operator[]): string {
  return listed(operators.map(({ kind, nodes: [first] }) => first!.name === '' ? first!.label : `${kind} '${first!.name}'`));
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

/** The range that holds two: an end that one of them leaves to the observation stays there. */
function spanning(a: Constraint | null, b: Constraint | null): Constraint | null {
  const [min, max] = [a?.min == null || b?.min == null ? null : Math.min(a.min, b.min), a?.max == null || b?.max == null ? null : Math.max(a.max, b.max)];
  return min === null && max === null ? null : { min, max };
}

function spanWarnings(members: readonly Value[], ties: readonly Tie[], constraint: Constraint | null): string[] {
  const fixing = ties.filter(tie => tie.constraint !== null);
  const differing = fixing.find(tie => !isSame(tie.constraint, fixing[0]!.constraint));
  if (differing === undefined) return [];
  const said = [fixing[0]!, differing].map(tie => `${namesOf([tie.operator])} has ${rangeText(tie.constraint!)}`).toSorted();
  return [`'${members.map(({ name }) => name).toSorted()[0]!}' and what is tied to it share one encoding with ${constraint === null ? 'no fixed range' : rangeText(constraint)}: ${said.join(', ')}`];
}
