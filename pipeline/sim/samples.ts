import { type CalibrateOptions, leftOutWarning } from '../calibrate/calibrate.ts';
import { sessionInputs } from '../calibrate/plan.ts';
import { readableBlocks } from '../calibrate/readable-blocks.ts';
import { untilAborted } from '../calibrate/until-aborted.ts';
import { type Binding, bindInputs, type BindOptions, type Block, blocks, blockSize, fixedBatch, namedColumn, type OpenOptions, openSource, type Source } from '../data/index.ts';
import type { Model } from '../graph/graph.ts';
import type { Samples, SimEvaluateOptions } from './options.ts';

/** How data for a model is opened. */
export interface OpenSamplesOptions extends Pick<BindOptions, 'inputs' | 'images'>, Pick<OpenOptions, 'sample' | 'stdin' | 'signal'> {}

/** Samples in one run while evaluating. */
const EVALUATION_BATCH = 32;

/** Open data for a model: its inputs tell a folder of columns from a folder of samples. What is open already stays as it is. */
export async function openSamples(model: Model, data: Samples, { inputs: bound = {}, images, sample, stdin, signal }: OpenSamplesOptions = {}): Promise<Source> {
  if (isSource(data)) return data;
  const inputs = sessionInputs(model);
  const columns = inputs.map(({ name }) => namedColumn(bound[name] ?? name));
  return openSource(data, { columns, inputs, ...(images && { images }), ...(sample && { sample }), ...(stdin && { stdin }), ...(signal && { signal }) });
}

function isSource(data: Samples): data is Source {
  return typeof data === 'object' && data !== null && 'batches' in data && typeof data.batches === 'function';
}

/** What is read to run a model on in this thread. */
interface ReadSamples {
  readonly bindings: readonly Binding[];
  readonly blocks: AsyncIterable<Block>;
  /** How many samples there will be at most; null where the source does not tell. */
  readonly total: number | null;
}

/** Samples for a model from an open source; `warn` is told what was left out. */
export function readSamples(
  model: Model, source: Source, { batchSize, limit, signal, maxBad, label, ...rest }: Omit<CalibrateOptions, 'label'> & Pick<SimEvaluateOptions, 'label'>, warn: (message: string) => void,
): ReadSamples {
  source.notices?.forEach(warn);
  const bindings = bindInputs(source, sessionInputs(model), typeof label === 'string' ? { ...rest, label } : rest);
  const together = fixedBatch(sessionInputs(model), source, bindings);
  const read = blocks(source, {
    size: blockSize(batchSize, EVALUATION_BATCH, together), together, ...(limit !== undefined && { limit }),
    onLeftOut: (count, unreadable) => warn(leftOutWarning(count, together, unreadable)),
  });
  return { bindings, blocks: readableBlocks(untilAborted(read, signal), warn, maxBad), total: source.rows === null ? null : Math.min(source.rows, limit ?? Infinity) };
}
