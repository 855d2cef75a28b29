import { QuantpipeError } from '../base/errors.ts';
import type { Value } from '../graph/node.ts';
import type { FloatQuantizer } from './placement.ts';
import type { KernelType, QuantsimConfig, SupportedKernel } from './quantsim-config.ts';
import type { TensorSettings } from './tensor-settings.ts';

/** What holds where no rule says another: integers of so many bits, or a floating-point format. */
export interface NumberKind {
  readonly bitwidth: number;
  readonly format: FloatQuantizer['format'] | null;
}

export interface Bitwidths {
  readonly weight: NumberKind;
  readonly activation: NumberKind;
}

/** A bit-width or a format; null where nothing was asked for. */
type Asked = number | FloatQuantizer['format'] | null;

/** Where neither an option nor the configuration says more. */
const USUAL_BITWIDTH = 8;
/** The bit-widths that weights and activations may have. */
export const WEIGHT_BITWIDTHS = { least: 2, most: 32 } as const;
export const ACTIVATION_BITWIDTHS = { least: 4, most: 32 } as const;

/**
 * The kinds of a model's weights and activations: those asked for, which must be those of a kernel where `defaults.supported_kernels` lists
 * any; where nothing was asked, those of the first kernel.
 *
 * @throws `config-invalid` naming what was asked for and the kernels that there are
 */
export function modelBitwidths({ defaults: { supportedKernels } }: QuantsimConfig, asked: { readonly weight: Asked; readonly activation: Asked }): Bitwidths {
  const fitting = supportedKernels.filter(kernel => fits(kernel.activation, asked.activation) && fits(kernel.param, asked.weight));
  if (supportedKernels.length > 0 && fitting.length === 0) {
    const wanted = [...(asked.activation === null ? [] : [`${describeAsked(asked.activation)} activations`]), ...(asked.weight === null ? [] : [`${describeAsked(asked.weight)} weights`])];
    throw new QuantpipeError('config-invalid', `defaults.supported_kernels: there is no kernel of ${wanted.join(' and ')}; there are ${supportedKernels.map(describeKernel).join(', ')}`);
  }
  const [first] = fitting;
  return {
    activation: kindOf(asked.activation, first?.activation ?? null, first, 'activations', ACTIVATION_BITWIDTHS),
    weight: kindOf(asked.weight, first?.param ?? null, first, 'weights', WEIGHT_BITWIDTHS),
  };
}

/**
 * The kernel that an operator runs instead of one of the model's kinds: the first that its type lists, where the list has none of the
 * model's. Null where the model's will do.
 *
 * @param hasWeight whether the operator has a quantized parameter
 * @throws `config-invalid` where the first kernel is less precise than the model
 */
export function overridingKernel(kernels: readonly SupportedKernel[], { activation, weight }: Bitwidths, hasWeight: boolean): SupportedKernel | null {
  const [first] = kernels;
  const isFit = (kernel: SupportedKernel) => fits(kernel.activation, askedOf(activation)) && (!hasWeight || fits(kernel.param, askedOf(weight)));
  if (first === undefined || kernels.some(isFit)) return null;
  for (const [what, type, kind] of [['activations', first.activation, activation], ['weights', hasWeight ? first.param : null, weight]] as const) {
    if (type !== null && precisionOf(type.bitwidth, type.dtype === 'float') < precisionOf(kind.bitwidth, kind.format !== null)) {
      throw new QuantpipeError('config-invalid', `${first.path} has ${describeAsked(type.dtype === 'float' ? 'float16' : type.bitwidth)} ${what} where the model has ${kind.format ?? kind.bitwidth}: an override only adds bits`);
    }
  }
  return first;
}

/** Let a tensor have the type of a kernel. */
export function setKernelType(settings: TensorSettings, value: Value, type: KernelType, path: string): void {
  if (type.dtype === 'float') settings.set(value, 'format', formatOf(type, path), path);
  else settings.set(value, 'bitwidth', type.bitwidth, path);
}

/**
 * @param refused makes the error of what is wrong
 * @throws for a bit-width that no such tensor may have
 */
export function inRange(bitwidth: number, what: string, { least, most }: { readonly least: number; readonly most: number }, refused = (fact: string) => new QuantpipeError('config-invalid', fact)): number {
  if (Number.isInteger(bitwidth) && bitwidth >= least && bitwidth <= most) return bitwidth;
  throw refused(`${what} must be an integer from ${least} to ${most}, got ${bitwidth}`);
}

function kindOf(asked: Asked, type: KernelType | null, kernel: SupportedKernel | undefined, what: string, range: { readonly least: number; readonly most: number }): NumberKind {
  if (typeof asked === 'string') return { bitwidth: USUAL_BITWIDTH, format: asked };
  if (asked === null && type?.dtype === 'float') return { bitwidth: USUAL_BITWIDTH, format: formatOf(type, kernel!.path) };
  return { bitwidth: inRange(asked ?? type?.bitwidth ?? USUAL_BITWIDTH, `the bit-width of ${what}`, range), format: null };
}

/** AIMET's kernels of 16-bit floats are of float16; those of 32 bits need no quantizer. */
function formatOf({ bitwidth }: KernelType, path: string): FloatQuantizer['format'] {
  if (bitwidth === 16) return 'float16';
  throw new QuantpipeError('config-invalid', `${path} asks for float32, which is no quantizer: turn it off by is_quantized or is_output_quantized`);
}

/** Whether a type of a kernel serves what was asked for; what is not said fits. */
function fits(type: KernelType | null, asked: Asked): boolean {
  if (type === null || asked === null) return true;
  return typeof asked === 'string' ? type.dtype === 'float' && type.bitwidth === 16 : type.dtype === 'int' && type.bitwidth === asked;
}

function askedOf({ bitwidth, format }: NumberKind): Asked {
  return format ?? bitwidth;
}

/** Integers by their bits; floats above integers of as many. */
function precisionOf(bitwidth: number, isFloat: boolean): number {
  return isFloat ? 16.5 : bitwidth;
}

function describeAsked(asked: number | string): string {
  return typeof asked === 'number' ? `${asked}-bit` : asked;
}

function describeKernel({ activation, param }: SupportedKernel): string {
  return [activation, ...(param === null ? [] : [param])].map(({ dtype, bitwidth }) => `${dtype}${bitwidth}`).join(' × ');
}
