import type { RecordBatch } from 'apache-arrow';

import { QuantpipeError } from '../base/errors.ts';
import { skippable } from './record-batches.ts';
import type { BadSample, IsWanted, StoredSource } from './source.ts';

/** Sources one after another, of the same columns. */
export function joinedSource(name: string, sources: readonly [StoredSource, ...StoredSource[]]): StoredSource {
  const [first] = sources;
  for (const source of sources) {
    if (described(source) !== described(first)) throw new QuantpipeError('data-invalid', `${first.name} has the columns ${described(first)}, ${source.name} has ${described(source)}`);
  }
  const rows = sources.reduce<number | null>((sum, source) => (sum === null || source.rows === null ? null : sum + source.rows), 0);
  const notices = sources.flatMap(source => source.notices ?? []);
  return {
    name, rows, schema: first.schema, columns: first.columns, ...(first.others && { others: first.others }), ...(notices.length > 0 && { notices }),
    batches: skippable((isWanted, columns) => joinedBatches(sources, isWanted, columns)),
  };
}

function described({ schema }: StoredSource): string {
  return schema.fields.map(({ name, type }) => `'${name}' ${String(type)}`).join(', ');
}

/** A source that tells its length is not opened where none of it is wanted. */
async function* joinedBatches(sources: readonly StoredSource[], isWanted: IsWanted, columns?: readonly string[]): AsyncGenerator<RecordBatch | BadSample | number> {
  let row = 0;
  for (const source of sources) {
    const first = row;
    if (source.rows !== null && !isWanted(first, first + source.rows)) {
      yield source.rows;
      row += source.rows;
      continue;
    }
    for await (const batch of source.batches((begin, end) => isWanted(first + begin, first + end), columns)) {
      row += typeof batch === 'number' ? batch : 'bad' in batch ? 1 : batch.numRows;
      yield batch;
    }
  }
}
