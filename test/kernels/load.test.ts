import { readFile } from 'node:fs/promises';
import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { Kernels } from '../../pipeline/kernels/kernels.ts';
import { instantiate } from '../../pipeline/kernels/module.ts';
import { suite } from '../support/suite.ts';
import { builds } from './builds.ts';

const sum = (kernels: Kernels) => kernels.observe(Float32Array.of(1, 2, 2)).counts.join();

suite('kernels/load', test => {
  test('loads from the package itself, from bytes, and from an address that is not a file', async () => {
    const bytes = await readFile(builds[0]!.url);
    const address = new URL(`data:application/wasm;base64,${bytes.toString('base64')}`);
    for (const kernels of [await Kernels.load(), await Kernels.load(new Uint8Array(bytes)), await Kernels.load(address)]) assert.is(sum(kernels), '1,2');
  });

  test('an instance goes on after a call that threw', async () => {
    const kernels = await Kernels.load();
    assert.throws(() => kernels.fakeQuant(new Float32Array(3), new Float32Array(3), { delta: 0, offset: 0, steps: 1 }));
    assert.is(sum(kernels), '1,2');
  });

  test('says which file or address it could not read', async () => {
    for (const url of ['file:///no/such/kernels.wasm', 'data:application/wasm']) {
      await Kernels.load(new URL(url)).then(() => assert.unreachable(), error => {
        assert.instance(error, QuantpipeError);
        assert.is(error.code, 'file-unreadable');
        assert.ok(error.message.includes(url));
      });
    }
  });

  test('assertions about arguments are on in the debug build alone', async () => {
    for (const { name, url } of builds) {
      const { run, arena } = await instantiate(url);
      const call = () => run.fakeQuant(arena.alloc(4), arena.alloc(4), 1, 0, 0, 1);
      if (name.includes('debug')) assert.throws(call, /unreachable/);
      else call();
    }
  });

  for (const { name, url } of builds) {
    test(`${name} imports nothing but a memory`, async () => {
      const imports = WebAssembly.Module.imports(new WebAssembly.Module(await readFile(url)));
      assert.equal(imports, [{ module: 'env', name: 'memory', kind: 'memory' }]);
    });

    test(`assembly/README.md has every function of ${name}`, async () => {
      const page = await readFile('assembly/README.md', 'utf8');
      const functions = WebAssembly.Module.exports(new WebAssembly.Module(await readFile(url))).filter(({ kind }) => kind === 'function');
      assert.equal(functions.map(({ name }) => name).filter(name => !page.includes(`\`${name}\``)), []);
    });
  }
});
