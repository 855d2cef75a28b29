import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Float32, makeVector, RecordBatchStreamWriter, Table, tableFromArrays, vectorFromArray, Dictionary, Int32, Utf8 } from 'apache-arrow';
import * as assert from 'uvu/assert';

import { openSource } from '../../pipeline/data/index.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

function stream(table: Table): Uint8Array {
  return RecordBatchStreamWriter.writeAll(table).toUint8Array(true);
}

const numbers = (...values: number[]) => stream(new Table({ x: makeVector(Float32Array.from(values)) }));
const words = (...values: string[]) => stream(new Table({ w: vectorFromArray(values, new Dictionary(new Utf8(), new Int32())) }));

/** The values of the only column of a file of these bytes. */
async function valuesOf(...parts: Uint8Array[]): Promise<unknown[]> {
  return inFolder(async folder => {
    const path = join(folder, 'joined.arrows'), values: unknown[] = [];
    await writeFile(path, Buffer.concat(parts));
    for await (const batch of (await openSource(path)).batches()) values.push(...batch.getChildAt(0)!);
    return values;
  });
}

suite('data/joined-streams', test => {
  test('streams that were joined are read one after the other, each with its own dictionary', async () => {
    assert.equal(await valuesOf(numbers(1, 2), numbers(), numbers(3)), [1, 2, 3]);
    assert.equal(await valuesOf(words('a', 'b', 'a'), words('c', 'a')), ['a', 'b', 'a', 'c', 'a']);
  });

  test('marks of the end may follow each other; what is no stream behind one is an error', async () => {
    assert.equal(await valuesOf(numbers(1), new Uint8Array(16)), [1]);
    const error = await valuesOf(numbers(1), Buffer.from('some words that are no stream of Arrow')).then(() => null, (thrown: Error) => thrown);
    assert.match(error?.message ?? '', /is not a valid Arrow stream: metadata of \d+ bytes declared/);
  });

  test('a stream of other columns does not follow', async () => {
    const error = await valuesOf(numbers(1), stream(tableFromArrays({ y: Float64Array.of(2) }))).then(() => null, (thrown: Error) => thrown);
    assert.match(error?.message ?? '', new RegExp(`goes on with another stream, of other columns \\(y Float64\\) than the first \\(x ${new Float32()}\\): give them one by one`));
  });
});
