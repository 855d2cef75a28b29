import { elementCount } from '../base/tensor.ts';
import type { Node, Value } from '../graph/node.ts';
import { MIN_RANGE } from '../quant/encoding.ts';
import { movedInput } from './data-movement.ts';
import { parametersOf } from './params.ts';

/** Which constants count as activations: they are data like any tensor that is computed, and have quantizers. */
export interface ConstantOperands {
  /** The constants that `node` computes with as if they were activations. */
  of(node: Node): Value[];
  /** Why such a constant keeps its float values, or null where it may be quantized. */
  reasonForFloat(value: Value): string | null;
}

/** Inputs of operators that are data like any activation, also where they are constant; null means all. Bounds, exponents, shapes are not among them. */
const OPERANDS: ReadonlyMap<string, readonly number[] | null> = new Map<string, readonly number[] | null>([
  ...['Add', 'Sub', 'Mul', 'Div', 'Sum', 'Mean', 'Max', 'Min', 'Concat', 'Einsum'].map(opType => [opType, null] as const),
  ['Where', [1, 2]],
]);

/** Ours: operands of arithmetic, as far as they survive rounding. */
export const ARITHMETIC_OPERANDS: ConstantOperands = {
  of(node) {
    const moved = movedInput(node);
    const places = OPERANDS.get(node.opType);
    if (places === undefined && moved === null) return [];
    return constantInputs(node).filter(value => value === moved || places === null || places?.some(index => node.inputs[index] === value));
  },
  reasonForFloat(value) {
    const unfit = reasonForNoEncoding(value);
    if (unfit !== null) return unfit;
    const largest = (value.initializer!.read().data as Float32Array).reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
    if (largest > 0 && largest < MIN_RANGE) return `its values are below ${MIN_RANGE}, the narrowest range of an encoding, and would be rounded coarsely`;
    if (elementCount(value.initializer!.dims) > 1 && value.uses.some(({ node, index }) => node.opType === 'Div' && index === 1)) {
      return 'it is a divisor, and a divisor that rounds to 0 gives infinity';
    }
    return null;
  },
};

/** AIMET's: every float32 constant that is no parameter, but for the sizes that a Resize reads. */
export const ALL_OPERANDS: ConstantOperands = {
  of(node) {
    if (node.opType === 'Resize' || node.opType === 'Upsample') return constantInputs(node).filter(value => value === node.inputs[0]);
    const parameters = parametersOf(node.opType).map(({ input }) => node.inputs[input]);
    return constantInputs(node).filter(value => !parameters.includes(value));
  },
  reasonForFloat: reasonForNoEncoding,
};

function constantInputs({ inputs }: Node): Value[] {
  return inputs.filter((value): value is Value => value !== null && value.initializer !== null);
}

/** Why a constant can have no encoding at all, or null where it can. */
export function reasonForNoEncoding(value: Value): string | null {
  const { data } = value.initializer!.read();
  if (!(data instanceof Float32Array)) return 'it is no float32 tensor';
  if (data.length === 0) return 'it is empty';
  return data.every(Number.isFinite) ? null : 'it holds infinities or NaN';
}
