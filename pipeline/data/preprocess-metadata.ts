import { QuantpipeError } from '../base/errors.ts';
import type { Preprocess } from './source.ts';

/** Key of a field's metadata under which a file says how its values become what a model reads. */
export const PREPROCESS_KEY = 'quantpipe.preprocess';

/** What leaves values as they are; each part of a preprocess that is not given. */
export const IDENTITY: Preprocess = { scale: 1, mean: [0], std: [1], layout: 'nchw' };

/** The preprocess that a field's metadata holds, as JSON with any of `scale`, `mean`, `std`, `layout`; null where there is none. */
export function parsePreprocess(metadata: ReadonlyMap<string, string>, where: string): Preprocess | null {
  const text = metadata.get(PREPROCESS_KEY);
  if (text === undefined) return null;
  try {
    return checkPreprocess({ ...IDENTITY, ...JSON.parse(text) }, `${where}: ${PREPROCESS_KEY}`, 'data-invalid');
  } catch (cause) {
    if (cause instanceof QuantpipeError) throw cause;
    throw new QuantpipeError('data-invalid', `${where}: ${PREPROCESS_KEY} is not JSON: ${text.slice(0, 80)}`, {}, { cause });
  }
}

/** The text to store under {@link PREPROCESS_KEY}. */
export function preprocessMetadata(preprocess: Partial<Preprocess>): Map<string, string> {
  return new Map([[PREPROCESS_KEY, JSON.stringify(preprocess)]]);
}

/** Refuse numbers that no data can be read with, naming the one at fault. */
export function checkPreprocess(preprocess: Preprocess, where: string, code: 'data-invalid' | 'config-invalid'): Preprocess {
  const { scale, layout } = preprocess;
  const mean = asList(preprocess.mean), std = asList(preprocess.std);
  const fail = (fact: string) => new QuantpipeError(code, `${where}: ${fact}`);
  if (!Number.isFinite(scale) || scale === 0) throw fail(`scale must be a finite number other than 0, got ${scale}`);
  if (mean.length === 0 || !mean.every(Number.isFinite)) throw fail(`mean must be finite numbers, got [${mean.join(', ')}]`);
  if (std.length === 0 || !std.every(value => Number.isFinite(value) && value !== 0)) throw fail(`std must be finite numbers other than 0, got [${std.join(', ')}]`);
  if (mean.length > 1 && std.length > 1 && mean.length !== std.length) throw fail(`mean has ${mean.length} channels, std has ${std.length}`);
  if (layout !== 'nchw' && layout !== 'nhwc') throw fail(`layout must be nchw or nhwc, got ${String(layout)}`);
  return { scale, mean, std, layout };
}

function asList(value: unknown): number[] {
  return Array.isArray(value) ? value : [value as number];
}
