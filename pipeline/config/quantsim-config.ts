import type { Constraint } from './placement.ts';

/**
 * AIMET's quantization simulation configuration, typed. A setting that the file leaves out is null, because a section that says nothing
 * overrules nothing; only where a section is read first does an absent setting have a value of its own (see `defaults`).
 *
 * The sections are applied in the order of the fields here, and later ones overrule earlier ones.
 */
export interface QuantsimConfig {
  readonly defaults: Defaults;
  /** By parameter: weight, bias, running_mean, running_var, and what others a config names. */
  readonly params: ReadonlyMap<string, ParamSettings>;
  /** An operator that raising the opset renames (Upsample, Scatter) goes by its name in the file where that is here, else by its new one. */
  readonly opTypes: ReadonlyMap<string, OpTypeSettings>;
  /** Operators go by the same names as in op_type. */
  readonly supergroups: readonly Supergroup[];
  readonly modelInput: { readonly isInputQuantized: boolean | null };
  readonly modelOutput: { readonly isOutputQuantized: boolean | null };
  /** Ours: operators written out in primitive ones that are kept together, by name, e.g. `"composites": {"Gelu": "False"}`; those not named are. */
  readonly composites: ReadonlyMap<string, boolean>;
  /**
   * Ours: operators whose inputs and output share one encoding, by name, e.g. `"ties": {"Concat": "True"}`. Those not named do where the
   * configuration is for a Hexagon (hw_version), whose kernels have one encoding for both.
   */
  readonly ties: ReadonlyMap<string, boolean>;
  /** AIMET's names of graph passes (supergroup_pass_list). */
  readonly passes: readonly string[];
  /** What the file says that has no effect here: one sentence each, with the JSON path. */
  readonly warnings: readonly string[];
}

/** Settings of activations: of every operator (defaults.ops), or of one type. */
export interface OpSettings {
  readonly isInputQuantized: boolean | null;
  readonly isOutputQuantized: boolean | null;
  readonly isSymmetric: boolean | null;
}

export interface ParamSettings {
  readonly isQuantized: boolean | null;
  readonly isSymmetric: boolean | null;
}

/** Before anything is said, quantizers are off and asymmetric, per tensor, neither strict nor unsigned. */
export interface Defaults {
  readonly ops: OpSettings;
  readonly params: ParamSettings;
  readonly strictSymmetric: boolean;
  readonly unsignedSymmetric: boolean;
  readonly perChannel: boolean;
  /** The Hexagon generation whose exceptions apply, e.g. 'V73'. */
  readonly hwVersion: string | null;
  readonly supportedKernels: readonly SupportedKernel[];
}

export interface OpTypeSettings extends OpSettings {
  readonly params: ReadonlyMap<string, ParamSettings>;
  readonly perChannel: boolean | null;
  /** As the file has it; what it is for is widened to hold zero. */
  readonly constraint: Constraint | null;
  readonly supportedKernels: readonly SupportedKernel[];
}

/** A chain of operators with one quantizer, at its end. */
export interface Supergroup {
  readonly opTypes: readonly string[];
  /** Where the file has it, e.g. 'supergroups[2].op_list'. */
  readonly path: string;
}

/** A combination of bit-widths that the target has a kernel for; the first of a list is used where what was asked for is not in it. */
export interface SupportedKernel {
  readonly activation: KernelType;
  /** null where the kernel has no parameters. */
  readonly param: KernelType | null;
  /** Where the file has it, e.g. 'op_type.Gemm.supported_kernels[0]'. */
  readonly path: string;
}

export interface KernelType {
  readonly bitwidth: number;
  readonly dtype: 'int' | 'float';
}
