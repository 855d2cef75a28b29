import type { Kernels } from '../../pipeline/kernels/kernels.ts';
import { minMaxOracle } from '../oracles/min-max.ts';

export interface KernelCase {
  readonly name: string;
  /** Values that one unrolled step of the kernel consumes. */
  readonly step: number;
  /** Relative; 0 asks for the same bits. */
  readonly tolerance: number;
  readonly kernel: (kernels: Kernels, values: Float32Array) => Float32Array;
  readonly oracle: (values: Float32Array) => Float32Array;
}

const emptyRange = () => Float32Array.of(Infinity, -Infinity);

export const kernelCases: readonly KernelCase[] = [
  {
    name: 'min-max', step: 16, tolerance: 0,
    kernel: (kernels, values) => { const range = emptyRange(); kernels.minMax(values, range); return range; },
    oracle: values => { const range = emptyRange(); minMaxOracle(values, range); return range; },
  },
];
