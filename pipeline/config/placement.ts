import type { Grid } from '../quant/grid.ts';
import type { Encoding } from '../quant/encoding.ts';
import type { Granularity } from '../quant/granularity.ts';

/**
 * One quantizer of the placement: which tensor, on which grid, and why.
 *
 * Tensors of one `group` share one encoding (it is the name of the group's first tensor). `observed` are the tensors whose
 * merged statistics decide it: a Reshape's output is in its input's group, and only the input is observed.
 */
export interface Quantizer {
  readonly tensor: string;
  /** weight: a constant, searched on its values; activation: searched on statistics (a constant activation on its values too). */
  readonly role: 'activation' | 'weight';
  readonly grid: Grid;
  readonly granularity: Granularity;
  readonly group: string;
  /** The tensors to tap for this group; empty for constants. The same list in every quantizer of a group. */
  readonly observed: readonly string[];
  readonly constraint: Constraint | null;
  readonly rule: Rule;
}

/** Fixed ends that replace what was observed (encoding_constraints); null leaves that end to the observation. Not both are null. */
export interface Constraint {
  readonly min: number | null;
  readonly max: number | null;
}

/**
 * Which line of the configuration decided, e.g. { section: 'op_type', path: 'op_type.Gemm.params.weight.is_symmetric' }, or of the file of
 * overrides, e.g. { section: 'override', path: 'conv1.weight.bitwidth' }.
 */
export interface Rule {
  readonly section: 'defaults' | 'params' | 'op_type' | 'supergroups' | 'model_input' | 'model_output' | 'exception' | 'override';
  readonly path: string;
}

/** An int32 bias that follows from its neighbours: scale = input delta × weight delta (quant/bias.ts). It has no search of its own. */
export interface BiasQuantizer {
  readonly tensor: string;
  /** The activation and the weight of the same node. */
  readonly input: string;
  readonly weight: string;
  /** Of the weight. */
  readonly granularity: Granularity;
  readonly node: string;
}

/**
 * A tensor that is kept in a floating-point format of 16 bits. It has no grid and no encoding, and is not observed: every value is rounded to the
 * nearest of the format, ties to even. What is too large for float16 becomes infinite.
 */
export interface FloatQuantizer {
  readonly tensor: string;
  readonly role: 'activation' | 'weight';
  readonly format: 'float16' | 'bfloat16';
  readonly rule: Rule;
}

/** A tensor whose operator has one encoding for its inputs and its output, and that has its own nevertheless; the reason, as in "also read by Relu 'a'". */
export interface Untied {
  readonly tensor: string;
  readonly reason: string;
}

/** A weight that is quantized per tensor because operators that share it would divide it differently; the reason names these, and their rules. */
export interface Undivided {
  readonly tensor: string;
  readonly reason: string;
}

/** A node or tensor that stays in float, and the sentence that says why. */
export interface LeftInFloat {
  readonly kind: 'node' | 'tensor';
  readonly name: string;
  /** What computes it; 'input' and 'initializer' where no node does. */
  readonly opType: string;
  readonly reason: string;
}

/** Nodes that are treated as one operator: no quantizer inside, one at the last output. */
export interface Unit {
  /** 'LayerNormalization', 'Gelu', or a supergroup such as 'Conv+Relu+Clip'. */
  readonly kind: string;
  readonly nodes: readonly string[];
  readonly output: string;
  readonly rule: Rule;
}

/** Where quantizers go. Deterministic: in the order of the graph. */
export interface Placement {
  readonly quantizers: readonly Quantizer[];
  readonly biases: readonly BiasQuantizer[];
  readonly floats: readonly FloatQuantizer[];
  readonly untied: readonly Untied[];
  readonly undivided: readonly Undivided[];
  readonly units: readonly Unit[];
  readonly float: readonly LeftInFloat[];
  /** What the user should know about the placement and has no row of its own: one sentence each. */
  readonly warnings: readonly string[];
}

/** The encodings of a placement: by tensor, one encoding (per tensor), one per channel in channel order, or one per block, channel by channel. */
export type EncodingTable = ReadonlyMap<string, readonly Encoding[]>;
