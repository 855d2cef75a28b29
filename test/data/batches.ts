import { Field, FixedSizeList, Float32, RecordBatch, Schema, Struct, makeData } from 'apache-arrow';

import { columnsOf } from '../../pipeline/data/column.ts';
import type { Source } from '../../pipeline/data/source.ts';

/** A source of one column 'x' of shape [2], cut into batches of these sizes; sample i is [i, -i]. */
export function counting(sizes: readonly number[]): Source {
  const type = new FixedSizeList(2, new Field('item', new Float32(), false));
  const schema = new Schema([new Field('x', type, false)]);
  return {
    name: 'counting', rows: sizes.reduce((a, b) => a + b, 0), columns: columnsOf(schema, 'counting'),
    async *batches() {
      let first = 0;
      for (const size of sizes) {
        const values = Float32Array.from({ length: 2 * size }, (_, i) => (first + (i >> 1)) * (i % 2 === 0 ? 1 : -1));
        const child = makeData({ type: new Float32(), length: 2 * size, nullCount: 0, data: values });
        const column = makeData({ type, length: size, nullCount: 0, child });
        yield new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: size, nullCount: 0, children: [column] }));
        first += size;
      }
    },
  };
}
