import type { Graph } from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { didYouMean } from './near-name.ts';
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

/** Why a tensor stays in float that an override says so of. */
export const OVERRIDDEN_TO_FLOAT = 'an override turns it off';

/** Why a node stays in float, or null where it may be quantized. AIMET quantizes parameters, inputs and outputs of recurrent operators. */
export function reasonForFloat({ opType, domain }: Node, isAimet = false): string | null {
  if (domain !== '') return `operators of the domain '${domain}' are not known`;
  if (isAimet && RECURRENT.includes(opType)) return null;
  return FLOAT_OPERATORS.get(opType) ?? (ONNX_OPERATORS.has(opType) ? null : 'it is no operator of the ONNX standard');
}

/** Operators of the standard domain that the standard does not have. An engine may: ONNX Runtime keeps experimental ones there; and calibration loads only what its tensors need. */
export function operatorWarnings({ nodes }: Graph): string[] {
  const unknown = new Map(nodes.filter(({ opType, domain }) => domain === '' && !ONNX_OPERATORS.has(opType)).toReversed().map(node => [node.opType, node]));
  return [...unknown.values()].reverse().map(({ opType, label }) =>
    `ONNX has no operator '${opType}' (${label}), and an engine that does not know it cannot load the model${didYouMean(opType, ONNX_OPERATORS)}`);
}
