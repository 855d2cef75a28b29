import type { Value } from '../graph/node.ts';

/** Outputs, by operator, that are never float32 whatever the inputs are; null means all of them. */
const NOT_FLOAT: ReadonlyMap<string, readonly number[] | null> = new Map<string, readonly number[] | null>([
  ...['Shape', 'Size', 'NonZero', 'ArgMax', 'ArgMin', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'And', 'Or', 'Xor', 'Not', 'IsInf', 'IsNaN',
    'BitShift', 'BitwiseAnd', 'BitwiseNot', 'BitwiseOr', 'BitwiseXor', 'NonMaxSuppression', 'SequenceConstruct', 'SequenceEmpty', 'SequenceInsert', 'SequenceErase',
    'SequenceLength', 'SplitToSequence', 'Optional', 'OptionalHasElement', 'StringConcat', 'StringNormalizer', 'StringSplit', 'RegexFullMatch', 'ImageDecoder',
  ].map(opType => [opType, null] as const),
  ['MaxPool', [1]], ['TopK', [1]], ['Dropout', [1]], ['Unique', [1, 2, 3]],
]);

/** What a value holds, as far as quantization cares: only float32 is quantized, and what no type was found for is taken for float32. */
export type ElementKind = 'float32' | 'unknown' | 'other-float' | 'other';

export function elementKind(value: Value): ElementKind {
  const dtype = value.initializer?.dtype ?? value.type?.dtype;
  if (dtype === undefined) return value.foreignType !== null || neverFloat(value) ? 'other' : 'unknown';
  if (dtype === 'float32') return 'float32';
  return dtype === 'float16' || dtype === 'bfloat16' || dtype === 'float64' ? 'other-float' : 'other';
}

export function mayBeQuantized(value: Value): boolean {
  const kind = elementKind(value);
  return kind === 'float32' || kind === 'unknown';
}

function neverFloat(value: Value): boolean {
  const { producer } = value;
  if (producer === null || producer.domain !== '') return false;
  const outputs = NOT_FLOAT.get(producer.opType);
  return outputs === null || (outputs?.includes(producer.outputs.indexOf(value)) ?? false);
}
