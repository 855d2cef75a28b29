import type { Node } from '../graph/node.ts';
import { ONNX_OPERATORS } from './onnx-operators.ts';

/** Operators that are never quantized, and why. */
const FLOAT_OPERATORS: ReadonlyMap<string, string> = new Map([
  ...['RNN', 'GRU', 'LSTM'].map(opType => [opType, 'it is recurrent: an error of its state would be fed back at every step'] as const),
  ...['If', 'Loop', 'Scan', 'SequenceMap'].map(opType => [opType, 'it runs a subgraph, whose operators are not looked into'] as const),
  ...['SequenceAt', 'SequenceConstruct', 'SequenceInsert', 'SequenceErase', 'SplitToSequence', 'ConcatFromSequence', 'Optional', 'OptionalGetElement']
    .map(opType => [opType, 'it works on a sequence of tensors'] as const),
]);

/** Why a node stays in float, or null where it may be quantized. */
export function reasonForFloat({ opType, domain }: Node): string | null {
  if (domain !== '') return `operators of the domain '${domain}' are not known`;
  return FLOAT_OPERATORS.get(opType) ?? (ONNX_OPERATORS.has(opType) ? null : 'it is no operator of the ONNX standard');
}
