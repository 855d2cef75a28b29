import { QuantpipeError } from '../base/errors.ts';
import type { KernelType, QuantsimConfig, SupportedKernel } from './quantsim-config.ts';

/** The bit-widths that hold where no rule says another. */
export interface Bitwidths {
  readonly weight: number;
  readonly activation: number;
}

/** What was asked for; null where nothing was. */
export interface AskedBitwidths {
  readonly weight: number | null;
  readonly activation: number | null;
}

/** Where neither an option nor the configuration says more. */
const USUAL_BITWIDTH = 8;
/** The bit-widths that weights and activations may have. */
export const WEIGHT_BITWIDTHS = { least: 2, most: 32 } as const;
export const ACTIVATION_BITWIDTHS = { least: 4, most: 32 } as const;

/**
 * The bit-widths of a model: those asked for, which must be those of a kernel where `defaults.supported_kernels` lists any; where nothing was
 * asked, those of the first kernel.
 *
 * @throws `config-invalid` naming what was asked for and the kernels that there are
 */
export function modelBitwidths({ defaults: { supportedKernels } }: QuantsimConfig, asked: AskedBitwidths): Bitwidths {
  const fitting = supportedKernels.filter(kernel => fits(kernel.activation, asked.activation) && fits(kernel.param, asked.weight));
  if (supportedKernels.length > 0 && fitting.length === 0) {
    const wanted = [...(asked.activation === null ? [] : [`${asked.activation}-bit activations`]), ...(asked.weight === null ? [] : [`${asked.weight}-bit weights`])];
    throw new QuantpipeError('config-invalid', `defaults.supported_kernels: there is no kernel of ${wanted.join(' and ')}; there are ${supportedKernels.map(describeKernel).join(', ')}`);
  }
  const [first] = fitting;
  if (first !== undefined) refuseFloat(first);
  return {
    activation: inRange(asked.activation ?? first?.activation.bitwidth ?? USUAL_BITWIDTH, 'activations', ACTIVATION_BITWIDTHS),
    weight: inRange(asked.weight ?? first?.param?.bitwidth ?? USUAL_BITWIDTH, 'weights', WEIGHT_BITWIDTHS),
  };
}

/**
 * The kernel that an operator runs instead of one of the model's bit-widths: the first that its type lists, where the list has none of the
 * model's. Null where the model's will do.
 *
 * @param hasWeight whether the operator has a quantized parameter
 * @throws `config-invalid` where the first kernel has fewer bits than the model
 */
export function overridingKernel(kernels: readonly SupportedKernel[], model: Bitwidths, hasWeight: boolean): SupportedKernel | null {
  const [first] = kernels;
  if (first === undefined || kernels.some(({ activation, param }) => fits(activation, model.activation) && (!hasWeight || param === null || fits(param, model.weight)))) return null;
  refuseFloat(first);
  for (const [what, type, bits] of [['activations', first.activation, model.activation], ['weights', hasWeight ? first.param : null, model.weight]] as const) {
    if (type !== null && type.bitwidth < bits) {
      throw new QuantpipeError('config-invalid', `${first.path} has ${type.bitwidth}-bit ${what} where the model has ${bits}: an override only adds bits`);
    }
  }
  return first;
}

/** @throws `config-invalid` for a bit-width that no such tensor may have */
export function inRange(bitwidth: number, what: string, { least, most }: { readonly least: number; readonly most: number }): number {
  if (Number.isInteger(bitwidth) && bitwidth >= least && bitwidth <= most) return bitwidth;
  throw new QuantpipeError('config-invalid', `the bit-width of ${what} must be an integer from ${least} to ${most}, got ${bitwidth}`);
}

/** Whether a type of a kernel serves integers of so many bits; what is not said fits. */
function fits(type: KernelType | null, bitwidth: number | null): boolean {
  return type === null || bitwidth === null || (type.dtype === 'int' && type.bitwidth === bitwidth);
}

function refuseFloat({ activation, param, path }: SupportedKernel): void {
  if (activation.dtype === 'int' && (param === null || param.dtype === 'int')) return;
  throw new QuantpipeError('op-unsupported', `${path} asks for float kernels, and only integer quantizers are placed; put an integer kernel first`);
}

function describeKernel({ activation, param }: SupportedKernel): string {
  return [activation, ...(param === null ? [] : [param])].map(({ dtype, bitwidth }) => `${dtype}${bitwidth}`).join(' × ');
}
