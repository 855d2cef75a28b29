import { createHash } from 'node:crypto';

import { stableJson } from '../base/stable-json.ts';
import { type Binding, type BindOptions, type BlockOptions, blocks, dataVersion, type Source } from '../data/index.ts';
import type { Engine } from '../engine/index.ts';
import type { Identity } from './checkpoint.ts';
import type { Plan } from './plan.ts';

/** All that the statistics of a block depend on, and which blocks there are. */
export async function identityOf(plan: Plan, source: Source, { name, version }: Pick<Engine, 'name' | 'version'>, range: BlockOptions, bindings: readonly Binding[], images: BindOptions['images'] = {}): Promise<Identity> {
  const { rows, columns, selection = 'all' } = source, { size, limit, shard } = range;
  return {
    'model': plan.hash.slice(0, 12),
    'set of observed tensors (the configuration)': `${plan.taps.length} tensors, ${createHash('sha256').update(plan.taps.join('\n')).digest('hex').slice(0, 12)}`,
    'number of samples': rows === null ? 'unknown' : String(rows),
    'content of the first samples': await firstSamples(source, range),
    'state of the data': await dataVersion(source),
    'choice of samples': selection,
    'set of columns': columns.map(({ name: column, dtype, shape }) => `${column} ${dtype}[${shape.join()}]`).join(', '),
    'reading of the columns': JSON.stringify(bindings.map(({ input, column, preprocess }) => ({ input, column, preprocess }))),
    'reading of images': stableJson(images),
    'engine': `${name} ${version}`,
    'batch size': String(size),
    'limit': String(limit ?? 'none'),
    'shard': shard === undefined ? 'none' : `${shard.index}/${shard.count}`,
  };
}

/** Of a source that can be read again, the first block tells one data set from another of the same form. */
async function firstSamples(source: Source, { size, columns }: BlockOptions): Promise<string> {
  if (source.rows === null) return 'unknown';
  for await (const { bytes } of blocks(source, { size, limit: size, ...(columns && { columns }) })) return createHash('sha256').update(new Uint8Array(bytes)).digest('hex').slice(0, 12);
  return 'none';
}
