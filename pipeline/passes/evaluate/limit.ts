import type { Tensor } from '../../base/tensor.ts';

/** Constants that exporters compute with are small. */
const MODEST = 1 << 20;

/** Whether a constant of so many elements may stand for a node: a larger one than all its operands would only make the file bigger. */
export function isModest(elements: number, operands: readonly (Tensor | null | undefined)[]): boolean {
  return elements <= MODEST || operands.some(operand => operand !== null && operand !== undefined && elements <= operand.data.length);
}
