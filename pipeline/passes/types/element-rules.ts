import type { DType } from '../../base/tensor.ts';
import { intOf, tensorOf } from '../../graph/attribute.ts';
import type { Node } from '../../graph/node.ts';
import { elementTypeOf } from '../element-types.ts';

type Known = DType | null;
type ElementRule = (node: Node, inputs: readonly Known[]) => readonly Known[];

const words = (text: string): string[] => text.trim().split(/\s+/);
const always = (...types: DType[]): ElementRule => () => types;
const asInput = (index: number): ElementRule => (_, inputs) => [inputs[index] ?? null];
const asAttribute = (name: string, fallback: (inputs: readonly Known[]) => Known): ElementRule =>
  (node, inputs) => [node.attributes.has(name) ? elementTypeOf(intOf(node, name, 0)) : fallback(inputs)];

/** What `output_dtype` says; by default, 0, nothing. */
const outputType = (node: Node): Known => elementTypeOf(intOf(node, 'output_dtype', 0));

/** Results are tested, counted or placed, not computed with. */
const bools = words('And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Xor');
const indices = words('ArgMax ArgMin NonMaxSuppression NonZero Shape Size SequenceLength');
/** What holds no tensor, or may hold one of any type. */
const opaque = words('If Loop Scan SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceMap SplitToSequence ConcatFromSequence Optional OptionalGetElement OptionalHasElement');
/** All operands are of one type, so that any of them tells it. */
const operands = words('Add Concat Div Gemm MatMul Max Mean Min Mod Mul Sub Sum');

const table: Readonly<Record<string, ElementRule>> = {
  ...Object.fromEntries(bools.map(name => [name, always('bool')])),
  ...Object.fromEntries(indices.map(name => [name, always('int64')])),
  ...Object.fromEntries(opaque.map(name => [name, always()])),
  ...Object.fromEntries(operands.map(name => [name, (_: Node, inputs: readonly Known[]) => [inputs.find(type => type) ?? null]])),
  /** Before opset 6 the type was a name; raising makes it a number. */
  Cast: (node, inputs) => (node.attributes.get('to')?.kind === 'string' ? [null] : asAttribute('to', () => null)(node, inputs)),
  CastLike: asInput(1),
  Where: (_, [, a, b]) => [a ?? b ?? null],
  OneHot: asInput(2),
  DequantizeLinear: (node, [, scale]) => [outputType(node) ?? scale ?? null],
  QuantizeLinear: (node, [, , zeroPoint]) => [zeroPoint ?? outputType(node) ?? (node.inputs[2] ? null : 'uint8')],
  DynamicQuantizeLinear: always('uint8', 'float32', 'uint8'),
  TopK: (_, [x]) => [x ?? null, 'int64'],
  MaxPool: (_, [x]) => [x ?? null, 'int64'],
  Unique: (_, [x]) => [x ?? null, 'int64', 'int64', 'int64'],
  Dropout: (_, [x]) => [x ?? null, 'bool'],
  ConstantOfShape: node => [node.attributes.has('value') ? tensorOf(node, 'value')!.dtype : 'float32'],
  Constant: node => [node.attributes.has('value') ? tensorOf(node, 'value')!.dtype : null],
  EyeLike: asAttribute('dtype', inputs => inputs[0] ?? null),
  RandomNormal: asAttribute('dtype', () => 'float32'),
  RandomUniform: asAttribute('dtype', () => 'float32'),
  RandomNormalLike: asAttribute('dtype', inputs => inputs[0] ?? null),
  RandomUniformLike: asAttribute('dtype', inputs => inputs[0] ?? null),
  Bernoulli: asAttribute('dtype', inputs => inputs[0] ?? null),
  Multinomial: asAttribute('dtype', () => 'int32'),
};

/**
 * The element types of what `node` computes. An operator outside the table hands its first input's type on, to every
 * output; of other domains than the standard one nothing is known.
 */
export function outputElements(node: Node, inputs: readonly Known[]): readonly Known[] {
  if (node.domain !== '') return [];
  if (Object.hasOwn(table, node.opType)) return table[node.opType]!(node, inputs);
  return node.outputs.map(() => inputs[0] ?? null);
}
