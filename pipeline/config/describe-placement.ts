import type { Graph } from '../graph/graph.ts';
import type { Granularity } from '../quant/granularity.ts';
import type { Placement, Quantizer, Rule } from './placement.ts';

/** One quantizer, or one int32 bias, as a row of a table. */
export interface PlacementRow {
  readonly tensor: string;
  /** The operator that computes it, 'input' for what the model is fed, 'initializer' for what it holds; '' where no graph is given. */
  readonly producer: string;
  readonly kind: 'activation' | 'constant' | 'weight' | 'bias';
  readonly bitwidth: number;
  /** Of a tensor in a floating-point format, the format. */
  readonly symmetry: string;
  /** 'tensor', 'channel 0', 'block 1 × 32', 'block 1 × 32 to 8 bits' (LPBQ). */
  readonly granularity: string;
  /** The tensor whose encoding it shares, or for a bias those that its encoding follows from; '' where it has its own. */
  readonly sharedWith: string;
  /** Why it does not share the encoding that its operator should have for all: "not tied: also read by Relu 'a'"; '' where it does, or none should. */
  readonly untied: string;
  /** Why a weight is per tensor although an operator would have it per channel: "shared: Gemm 'a' would have it …"; '' for all others. */
  readonly undivided: string;
  /** The tensors whose merged statistics decide; none for constants and biases. */
  readonly observed: readonly string[];
  /** Fixed ends, such as '0 … 1'; '' where there are none. */
  readonly constraint: string;
  /** The section of the configuration that decided, and the path of the line. */
  readonly section: Rule['section'] | 'bias';
  readonly rule: string;
}

/** Units, what is left in float and warnings are plain data already; this makes rows of the quantizers, biases last. */
export function describePlacement({ quantizers, floats, biases, untied, undivided }: Placement, graph: Graph | null = null): PlacementRow[] {
  const reasons = new Map(untied.map(({ tensor, reason }) => [tensor, `not tied: ${reason}`]));
  const disagreements = new Map(undivided.map(({ tensor, reason }) => [tensor, `shared: ${reason}`]));
  return [
    ...quantizers.map(quantizer => ({ ...quantizerRow(quantizer, producerOf(graph, quantizer.tensor)), untied: reasons.get(quantizer.tensor) ?? '', undivided: disagreements.get(quantizer.tensor) ?? '' })),
    ...floats.map(({ tensor, role, format, rule: { section, path } }) => ({
      tensor, producer: producerOf(graph, tensor), kind: role, bitwidth: 16, symmetry: format, granularity: 'tensor', sharedWith: '', untied: '', undivided: '', observed: [], constraint: '', section, rule: path,
    })),
    ...biases.map(({ tensor, input, weight, granularity }) => ({
      tensor, producer: producerOf(graph, tensor), kind: 'bias' as const, bitwidth: 32, symmetry: 'symmetric', granularity: granularity.kind === 'tensor' ? 'tensor' : 'channel 0',
      sharedWith: `${input} × ${weight}`, untied: '', undivided: '', observed: [], constraint: '', section: 'bias' as const, rule: 'input × weight',
    })),
  ];
}

function quantizerRow({ tensor, role, grid, granularity, group, observed, constraint, rule }: Quantizer, producer: string): Omit<PlacementRow, 'untied' | 'undivided'> {
  return {
    tensor, producer, kind: role === 'activation' && observed.length === 0 && group === tensor ? 'constant' : role,
    bitwidth: grid.bitwidth, symmetry: grid.symmetry, granularity: describeGranularity(granularity), sharedWith: group === tensor ? '' : group, observed,
    constraint: constraint === null ? '' : `${constraint.min ?? ''} … ${constraint.max ?? ''}`.trim(), section: rule.section, rule: rule.path,
  };
}

function producerOf(graph: Graph | null, tensor: string): string {
  const value = graph?.values.get(tensor);
  if (value === undefined) return '';
  return value.producer?.opType ?? (value.initializer === null ? 'input' : 'initializer');
}

function describeGranularity(granularity: Granularity): string {
  if (granularity.kind === 'tensor') return 'tensor';
  if (granularity.kind === 'channel') return `channel ${granularity.axis}`;
  const { blockSize, decompressedBitwidth } = granularity;
  return `block ${granularity.axis} × ${blockSize}${decompressedBitwidth === null ? '' : ` to ${decompressedBitwidth} bits`}`;
}
