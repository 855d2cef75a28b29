import { QuantpipeError } from '../base/errors.ts';
import type { SessionInput } from '../base/tensor.ts';
import { canCast } from './cast.ts';
import { arrangedShape, channelAxis } from './preprocess.ts';
import { IDENTITY, checkPreprocess } from './preprocess-metadata.ts';
import { fitSample, showShape, unflattened } from './sample-shape.ts';
import type { ImageSettings } from './images/image-settings.ts';
import type { Binding, Column, Preprocess, Source } from './source.ts';

/** What the user says about the data. */
export interface BindOptions {
  /** Column by input name, or mask(COLUMN) for its attention mask: `--input NAME=COLUMN`. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** Value to fill up samples of different shapes with, by column: `--pad COLUMN=VALUE`. Columns that are not named run sample by sample. */
  readonly pad?: Readonly<Record<string, number>>;
  /** Column with the labels, which feeds no input. Default 'label', where there is one. */
  readonly label?: string;
  /** Overrules what the file says of itself; parts that are missing are the identity. For inputs of a float type. */
  readonly preprocess?: Partial<Preprocess>;
  /** What becomes of images before: for data whose images are encoded. */
  readonly images?: Partial<ImageSettings>;
}

/** Column that holds labels unless another is named. */
export const LABEL_COLUMN = 'label';

/** Columns that are never taken for an input by being the only one: labels, and text. */
function isCandidate({ name, dtype }: Column, label: string): boolean {
  return name !== label && dtype !== 'string';
}

/**
 * Find the column for each model input: the one asked for, else the one of its name, else, where the model has one input and
 * the data has one column besides labels and texts, that one.
 *
 * @throws config-invalid for an option that names no input
 * @throws data-invalid where there is no such column, or its shape or type does not fit; names both
 */
export function bindInputs(source: Pick<Source, 'name' | 'columns' | 'others'>, inputs: readonly SessionInput[], options: BindOptions = {}): Binding[] {
  for (const name of Object.keys(options.inputs ?? {})) {
    if (!inputs.some(input => input.name === name)) throw new QuantpipeError('config-invalid', `the model has no input '${name}'; it has ${names(inputs)}`);
  }
  for (const name of Object.keys(options.pad ?? {})) {
    if (!source.columns.some(column => column.name === name)) throw new QuantpipeError('config-invalid', `${source.name} has no column '${name}' to pad; it has ${names(source.columns)}`);
  }
  return inputs.map(input => {
    const { column, because } = findColumn(source, input, inputs.length, options);
    const isMask = maskedColumn(options.inputs?.[input.name] ?? '') === column.name;
    const preprocess = isMask ? null : preprocessFor(input, column, options);
    checkFits(source.name, input, isMask ? { ...column, dtype: 'uint8' } : column, preprocess);
    const pad = options.pad?.[column.name];
    if (pad !== undefined && !Number.isInteger(pad) && !column.dtype.startsWith('float')) throw new QuantpipeError('config-invalid', `column '${column.name}' holds ${column.dtype} and cannot be padded with ${pad}`);
    return { input: input.name, column: column.name, preprocess, because, ...(pad !== undefined && { pad }), ...(isMask && { isMask }) };
  });
}

/** The column that an option names: COLUMN, or mask(COLUMN). */
export function namedColumn(option: string): string {
  return maskedColumn(option) ?? option;
}

function maskedColumn(option: string): string | null {
  return /^mask\((.+)\)$/.exec(option)?.[1] ?? null;
}

function findColumn(source: Pick<Source, 'name' | 'columns' | 'others'>, input: SessionInput, inputCount: number, options: BindOptions): { column: Column; because: Binding['because'] } {
  const { columns } = source;
  const option = options.inputs?.[input.name], asked = option === undefined ? undefined : namedColumn(option);
  const column = columns.find(({ name }) => name === (asked ?? input.name));
  if (column) return { column, because: asked === undefined ? 'name' : 'option' };
  const candidates = columns.filter(candidate => isCandidate(candidate, options.label ?? LABEL_COLUMN));
  if (asked === undefined && inputCount === 1 && candidates.length === 1) return { column: candidates[0]!, because: 'only' };
  const other = source.others?.find(({ name }) => name === (asked ?? input.name));
  if (other) throw new QuantpipeError('data-invalid', `column '${other.name}' of ${source.name} is ${other.type}, which feeds no model; model input '${input.name}' reads ${input.dtype}`, { file: source.name, column: other.name, input: input.name });
  throw new QuantpipeError('data-invalid', `${source.name} has no column '${asked ?? input.name}' for the model's input '${input.name}'; it has ${names(columns)}`, { file: source.name, input: input.name });
}

function preprocessFor(input: SessionInput, column: Column, options: BindOptions): Preprocess | null {
  if (!input.dtype.startsWith('float')) return null;
  if (options.preprocess && Object.keys(options.preprocess).length > 0) {
    const layout = column.isImage ? { layout: IDENTITY.layout } : {};
    return checkPreprocess({ ...IDENTITY, ...options.preprocess, ...layout }, 'preprocessing', 'config-invalid');
  }
  return column.preprocess;
}

function checkFits(source: string, input: SessionInput, column: Column, preprocess: Preprocess | null): void {
  const subject = `column '${column.name}' of ${source}`;
  const context = { file: source, column: column.name, input: input.name };
  if (!canCast(column.dtype, input.dtype)) {
    throw new QuantpipeError('data-invalid', `${subject} holds ${column.dtype}, the model's input '${input.name}' reads ${input.dtype}`, context);
  }
  const stored = unflattened(column.shape, input.shape, { ...column, preprocess });
  const arranged = preprocess ? arrangedShape(stored, preprocess) : stored;
  if (fitSample(arranged, input.shape, column.isFlat) === null) {
    const asStored = arranged === column.shape ? '' : ` (stored as ${showShape(column.shape)})`;
    throw new QuantpipeError('data-invalid', `${subject} holds samples of shape ${showShape(arranged)}${asStored}, the model's input '${input.name}' reads ${showShape(input.shape)}`, context);
  }
  const isKnown = arranged.every(dim => dim !== null);
  if (preprocess && isKnown && channelAxis(arranged, preprocess) === null) {
    throw new QuantpipeError('data-invalid', `preprocessing has ${Math.max(preprocess.mean.length, preprocess.std.length)} channels, ${subject} holds samples of shape ${showShape(arranged)}`, context);
  }
}

function names(things: readonly { readonly name: string }[]): string {
  return things.length === 0 ? 'none' : things.map(({ name }) => `'${name}'`).join(', ');
}
