import { copyFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { emptyStatistics, mergeStatisticsFiles, readStatisticsFile, writeStatistics } from '../../pipeline/index.ts';
import { samplesKept } from '../../pipeline/calibrate/checkpoint-files.ts';
import { CHECKPOINT_KEY } from '../../pipeline/data/index.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const statistics = (samples: number) => ({ ...emptyStatistics('a'.repeat(64)), samples });

suite('sim/statistics-files', test => {
  test('the same samples do not count twice: one file given twice, a link to it, or a copy', () => inFolder(async folder => {
    const [a, b, linked, copy] = ['a', 'b', 'linked', 'copy'].map(name => join(folder, name)) as [string, string, string, string];
    await writeFile(a, writeStatistics(statistics(5)));
    await writeFile(b, writeStatistics(statistics(7)));
    await symlink(a, linked);
    await copyFile(a, copy);
    assert.is((await mergeStatisticsFiles([a, b])).samples, 12);
    for (const [paths, says] of [[[a, b, a], /a' is given twice: its 5 samples would count twice/], [[a, linked], /linked' holds the same bytes as '.*a'/], [[a, b, copy], /copy' holds the same bytes as '.*a'/]] as const) {
      assert.match(await mergeStatisticsFiles(paths).then(() => 'nothing was thrown', (error: Error) => error.message), says);
    }
  }));

  test('a checkpoint is not taken for the statistics of a whole data set', () => inFolder(async folder => {
    const path = join(folder, 'checkpoint.arrow');
    await writeFile(path, writeStatistics(statistics(5), 'file', { key: CHECKPOINT_KEY, text: '{}' }));
    const says = await readStatisticsFile(path).then(() => 'nothing was thrown', (error: Error) => error.message);
    assert.is(says, `'${path}' is the checkpoint of an observation that has not ended, after 5 samples: finish it first (--resume)`);
    assert.is(await samplesKept(path), 5);
    assert.is(await samplesKept(join(folder, 'none')), null);
  }));

  test('samples that no shard counted are told of when all shards are there', () => inFolder(async folder => {
    const told: string[] = [];
    const merge = (paths: readonly string[]) => mergeStatisticsFiles(paths, { onLeftOut: (samples, total) => told.push(`${samples} of ${total}`) });
    const paths = ['a', 'b'].map(name => join(folder, name)) as [string, string];
    for (const [part, counted] of [[0, 20], [1, 16]] as const) await writeFile(paths[part], writeStatistics({ ...statistics(counted), shards: { count: 2, blockSize: 4, total: 40, parts: [part] } }));
    assert.is((await merge([paths[0]])).samples, 20);
    assert.equal(told, [], 'the other shard may have them');
    assert.is((await merge(paths)).samples, 36);
    assert.equal(told, ['4 of 40']);
  }));

  test('- is what a program is given on standard input', async () => {
    const pieces = async function* () { yield* [0, 100].map((begin, i, { length }) => writeStatistics(statistics(5)).subarray(begin, i + 1 < length ? 100 : undefined)); };
    assert.is((await mergeStatisticsFiles(['-'], { stdin: pieces() })).samples, 5);
    assert.is((await readStatisticsFile('-', { stdin: pieces() })).samples, 5);
  });

  test('files without samples may well be the same', () => inFolder(async folder => {
    const paths = ['a', 'b'].map(name => join(folder, name));
    for (const path of paths) await writeFile(path, writeStatistics(statistics(0)));
    assert.is((await mergeStatisticsFiles(paths)).samples, 0);
  }));
});
