import { elementCount } from '../base/tensor.ts';
import type { Node, Value } from '../graph/node.ts';
import { MIN_RANGE } from '../quant/encoding.ts';
import { movedInput } from './data-movement.ts';

/** Inputs of operators that are data like any activation, also where they are constant; null means all. Bounds, exponents, shapes are not among them. */
const OPERANDS: ReadonlyMap<string, readonly number[] | null> = new Map<string, readonly number[] | null>([
  ...['Add', 'Sub', 'Mul', 'Div', 'Sum', 'Mean', 'Max', 'Min', 'Concat', 'Einsum'].map(opType => [opType, null] as const),
  ['Where', [1, 2]],
]);

/** The constants that `node` computes with as if they were activations. */
export function constantOperands(node: Node): Value[] {
  const moved = movedInput(node);
  const places = OPERANDS.get(node.opType);
  if (places === undefined && moved === null) return [];
  return node.inputs.filter((value, index) => value !== null && value.initializer !== null && (value === moved || places === null || places?.includes(index))) as Value[];
}

/** Why a constant operand keeps its float values, or null where it may be quantized. */
export function reasonForFloatOperand(value: Value): string | null {
  const { data } = value.initializer!.read();
  if (!(data instanceof Float32Array)) return 'it is no float32 tensor';
  if (data.length === 0) return 'it is empty';
  if (!data.every(Number.isFinite)) return 'it holds infinities or NaN';
  const largest = data.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
  if (largest > 0 && largest < MIN_RANGE) return `its values are below ${MIN_RANGE}, the narrowest range of an encoding, and would be rounded coarsely`;
  if (elementCount(value.initializer!.dims) > 1 && value.uses.some(({ node, index }) => node.opType === 'Div' && index === 1)) {
    return 'it is a divisor, and a divisor that rounds to 0 gives infinity';
  }
  return null;
}
