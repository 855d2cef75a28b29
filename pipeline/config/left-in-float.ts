import type { Node } from '../graph/node.ts';
import { ONNX_OPERATORS } from './onnx-operators.ts';

/** Operators with a state. */
const RECURRENT: readonly string[] = ['RNN', 'GRU', 'LSTM'];
/** Operators that are never quantized, and why. */
const FLOAT_OPERATORS: ReadonlyMap<string, string> = new Map([
  ...RECURRENT.map(opType => [opType, 'it is recurrent: an error of its state would be fed back at every step'] as const),
  ...['If', 'Loop', 'Scan', 'SequenceMap'].map(opType => [opType, 'it runs a subgraph, whose operators are not looked into'] as const),
  ...['SequenceAt', 'SequenceConstruct', 'SequenceInsert', 'SequenceErase', 'SplitToSequence', 'ConcatFromSequence', 'Optional', 'OptionalGetElement']
    .map(opType => [opType, 'it works on a sequence of tensors'] as const),
]);

/** Why a node stays in float, or null where it may be quantized. AIMET quantizes parameters, inputs and outputs of recurrent operators. */
export function reasonForFloat({ opType, domain }: Node, isAimet = false): string | null {
  if (domain !== '') return `operators of the domain '${domain}' are not known`;
  if (isAimet && RECURRENT.includes(opType)) return null;
  return FLOAT_OPERATORS.get(opType) ?? (ONNX_OPERATORS.has(opType) ? null : 'it is no operator of the ONNX standard');
}
