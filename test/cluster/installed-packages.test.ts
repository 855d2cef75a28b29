import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';

import { installedPackages } from '../../pipeline/cluster/installed-packages.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

/** Packages by the folder they are installed in: what each needs, and its version. */
type Installed = Readonly<Record<string, { readonly version: string; readonly needs?: readonly string[] }>>;

async function install(root: string, installed: Installed): Promise<void> {
  for (const [folder, { version, needs = [] }] of Object.entries(installed)) {
    await mkdir(join(root, folder), { recursive: true });
    await writeFile(join(root, folder, 'package.json'), JSON.stringify({ name: folder.split('/').at(-1), version, main: 'main.js', dependencies: Object.fromEntries(needs.map(name => [name, '*'])) }));
    await writeFile(join(root, folder, 'main.js'), `module.exports = ${JSON.stringify(version)} + [${needs.map(name => `'(${name} ' + require('${name}') + ')'`).join()}];`);
  }
}

/** What the package in `folder` says of itself and of all that it finds. */
function said(folder: string): string {
  return createRequire(join(folder, 'package.json'))('./main.js') as string;
}

/** The packages copied to their new places; the root's new folder. */
async function moved(root: string, to: string): Promise<string> {
  for (const { folder, place } of await installedPackages(root)) {
    await mkdir(dirname(join(to, place)), { recursive: true });
    await cp(folder, join(to, place), { recursive: true, filter: path => !path.slice(folder.length).includes('node_modules') });
  }
  return to;
}

suite('cluster/installed-packages', test => {
  test('in the new layout every package finds the versions that it found before', () => inFolder(async folder => {
    const home = join(folder, 'project');
    await install(home, {
      'node_modules/root': { version: 'root', needs: ['a', 'b'] },
      'node_modules/a': { version: 'a', needs: ['c'] },
      'node_modules/b': { version: 'b', needs: ['c', 'd'] },
      'node_modules/b/node_modules/c': { version: 'c2', needs: ['d'] },
      'node_modules/c': { version: 'c1', needs: ['d'] },
      'node_modules/d': { version: 'd1' },
      'node_modules/b/node_modules/d': { version: 'd2' },
      'node_modules/unneeded': { version: 'x' },
    });
    const root = join(home, 'node_modules/root');
    const before = said(root);
    assert.is(before, 'root(a a(c c1(d d1))),(b b(c c2(d d2)),(d d2))');
    const to = await moved(root, join(folder, 'moved'));
    assert.is(said(to), before);
    assert.ok(!(await installedPackages(root)).some(({ name }) => name === 'unneeded'));
  }));

  test('packages that are links into a store, as pnpm makes them', () => inFolder(async folder => {
    await install(folder, { 'store/root@1/node_modules/root': { version: 'root', needs: ['a'] }, 'store/a@1/node_modules/a': { version: 'a' } });
    await symlink(join(folder, 'store/a@1/node_modules/a'), join(folder, 'store/root@1/node_modules/a'));
    await mkdir(join(folder, 'node_modules'));
    await symlink(join(folder, 'store/root@1/node_modules/root'), join(folder, 'node_modules/root'));
    assert.is(said(await moved(join(folder, 'node_modules/root'), join(folder, 'moved'))), 'root(a a)');
  }));

  test('a package that is missing is named', () => inFolder(async folder => {
    await install(folder, { root: { version: 'root', needs: ['gone'] } });
    const error = await installedPackages(join(folder, 'root')).then(() => null, (error: Error) => error);
    assert.match(error?.message ?? '', "package 'root' needs 'gone', which is not installed beside it");
  }));

  test('optional packages that are absent are left out', () => inFolder(async folder => {
    await install(folder, { root: { version: 'root' } });
    const path = join(folder, 'root/package.json');
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), optionalDependencies: { gone: '*' } }));
    assert.equal((await installedPackages(join(folder, 'root'))).map(({ name }) => name), ['']);
  }));
});
