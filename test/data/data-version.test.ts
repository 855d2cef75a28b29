import { copyFile, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';

import * as assert from 'uvu/assert';

import { dataVersion } from '../../pipeline/data/data-version.ts';
import { openSource, sampledSource } from '../../pipeline/data/index.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const FOREIGN = 'fixtures/data/foreign', IMAGES = 'fixtures/data/images';
/** A tensor of ONNX's, 'x' of float32 [1]: field 1 dims, 2 data_type, 8 name, 9 raw_data. */
const TENSOR = Buffer.from([0x08, 1, 0x10, 1, 0x42, 1, 0x78, 0x4a, 4, 0, 0, 0x80, 0x3f]);

suite('data/data-version', test => {
  // what is opened, and the files that make it up: each copied from a fixture, or of these bytes
  for (const [form, opened, files] of [
    ['a file', 'a.arrow', { 'a.arrow': `${FOREIGN}/plain.arrow` }],
    ['a folder of files', '.', { 'a.arrow': `${FOREIGN}/plain.arrow`, 'b.arrow': `${FOREIGN}/plain.arrow` }],
    ['a pattern', 'part-?.arrow', { 'part-1.arrow': `${FOREIGN}/plain.arrow`, 'part-2.arrow': `${FOREIGN}/plain.arrow` }],
    ['a folder of samples', '.', { '0.npy': `${FOREIGN}/float32.npy`, '1.npy': `${FOREIGN}/float32.npy` }],
    ['a folder of classes', '.', { 'cat/0.jpg': `${IMAGES}/classes/bag/0.jpg`, 'dog/1.png': `${IMAGES}/classes/bag/1.png` }],
    ['one image', '0.jpg', { '0.jpg': `${IMAGES}/classes/bag/0.jpg` }],
    ['test data', '.', { 'test_data_set_0/input_0.pb': TENSOR, 'test_data_set_1/input_0.pb': TENSOR }],
  ] as const) {
    test(`${form}: other once any of its files is written to, and nothing else`, () => inFolder(async folder => {
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(folder, name)), { recursive: true });
        await (typeof content === 'string' ? copyFile(content, join(folder, name)) : writeFile(join(folder, name), content));
      }
      const version = async () => dataVersion(await openSource(join(folder, opened)));
      const before = await version();
      await writeFile(join(folder, 'README'), 'no data');
      assert.is(await version(), before);
      for (const name of Object.keys(files)) {
        const path = join(folder, name);
        await utimes(path, 1, 1);
        assert.is.not(await version(), before, name);
        await utimes(path, 2, 2);
      }
      const written = await version();
      await writeFile(join(folder, Object.keys(files).at(-1)!), Buffer.concat([await readFile(join(folder, Object.keys(files).at(-1)!)), Buffer.alloc(1)]));
      await utimes(join(folder, Object.keys(files).at(-1)!), 2, 2);
      assert.is.not(await dataVersion({ files: Object.keys(files).map(name => join(folder, name)) }), written, 'of another size');
    }));
  }

  test('a file that is gone is another state, and where the data lie is none', () => inFolder(async folder => {
    const made = async (name: string) => {
      await mkdir(join(folder, name));
      for (const file of ['1.npy', '2.npy']) {
        await copyFile(`${FOREIGN}/float32.npy`, join(folder, name, file));
        await utimes(join(folder, name, file), 1, 1);
      }
      return openSource(join(folder, name));
    };
    const [here, there] = [await made('here'), await made('there')];
    const version = await dataVersion(here);
    assert.is(await dataVersion(there), version);
    assert.is(await dataVersion(sampledSource({ ...here }, { count: 1 })), 'unknown');
    assert.is(await dataVersion(await openSource(join(folder, 'here'), { sample: { count: 1 } })), version);
    await rm(join(folder, 'here/2.npy'));
    assert.is.not(await dataVersion(here), version);
  }));

  test('an address: what the server says of it', async () => {
    let tag = '"one"';
    const content = await readFile(`${FOREIGN}/plain.arrow`);
    const server = createServer((_, response) => {
      response.writeHead(206, { 'content-range': `bytes 0-${content.length - 1}/${content.length}`, 'etag': tag });
      response.end(content);
    });
    await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve); });
    try {
      const source = { files: [`http://127.0.0.1:${(server.address() as AddressInfo).port}/a.arrow`] };
      assert.is(await dataVersion(source), `${content.length} bytes ("one")`);
      tag = '"two"';
      assert.is(await dataVersion(source), `${content.length} bytes ("two")`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('samples that come from a program have none', async () => {
    assert.is(await dataVersion(await openSource([{ x: { dtype: 'float32', dims: [1], data: new Float32Array(1) } }])), 'unknown');
  });
});
