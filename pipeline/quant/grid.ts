import { QuantpipeError } from '../base/errors.ts';

/**
 * How the codes of a grid lie around zero, for bitwidth b:
 *
 *   asymmetric           2^b codes anywhere that cover zero
 *   symmetric            2^b codes, one more below zero than above:  -128 ... 127
 *   strict-symmetric     2^b - 1 codes, mirrored:                    -127 ... 127
 *   unsigned-symmetric   2^b codes from zero up while no value is negative, else symmetric
 */
export type Symmetry = 'asymmetric' | 'symmetric' | 'strict-symmetric' | 'unsigned-symmetric';

/** The shape of a quantization grid before any data was seen. */
export interface Grid {
  /** 2 to 32. */
  readonly bitwidth: number;
  readonly symmetry: Symmetry;
}

export function grid(bitwidth: number, symmetry: Symmetry = 'asymmetric'): Grid {
  if (!Number.isInteger(bitwidth) || bitwidth < 2 || bitwidth > 32) {
    throw new QuantpipeError('config-invalid', `bitwidth must be an integer from 2 to 32, got ${bitwidth}`);
  }
  return { bitwidth, symmetry };
}

/** Distance between the lowest and the highest code. */
export function steps({ bitwidth, symmetry }: Grid): number {
  return 2 ** bitwidth - (symmetry === 'strict-symmetric' ? 2 : 1);
}
