import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { QuantpipeError } from '../base/errors.ts';

/** A package: where it is installed, and where it shall stand in an archive so that Node finds it there. */
export interface PlacedPackage {
  readonly name: string;
  readonly folder: string;
  /** '' for the root, else `node_modules/NAME`, nested where two versions are needed. */
  readonly place: string;
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * The package at `root` and all that it needs at run time, laid out anew: however npm, pnpm or yarn arranged them, every package
 * finds in the new layout just what it finds here.
 *
 * @param extra packages that it uses where they are installed
 */
export async function installedPackages(root: string, extra: readonly string[] = []): Promise<PlacedPackage[]> {
  const placed = new Map<string, PlacedPackage>();
  const add = (entry: PlacedPackage) => {
    placed.set(entry.place, entry);
    return entry;
  };
  const waiting = [add({ name: '', folder: await realpath(root), place: '' })];
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { folder, place } = next;
    const { name: dependent, dependencies = {}, optionalDependencies = {} } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
    const needed = [...new Set([...Object.keys(dependencies), ...Object.keys(optionalDependencies), ...(place === '' ? extra : [])])].sort();
    for (const name of needed) {
      const found = await resolve(name, folder);
      if (found === null && name in optionalDependencies) continue;
      if (found === null) throw new QuantpipeError('config-invalid', `package '${dependent}' needs '${name}', which is not installed beside it: npm install`);
      const seen = visible(placed, place, name);
      if (seen?.folder === found) continue;
      waiting.push(add({ name, folder: found, place: seen === null ? `node_modules/${name}` : `${place}/node_modules/${name}` }));
    }
  }
  return [...placed.values()];
}

/** Where a package of this name stands for the one at `folder`: in the nearest node_modules on the way up. */
async function resolve(name: string, folder: string): Promise<string | null> {
  for (let at = folder; ; at = dirname(at)) {
    const candidate = join(at, 'node_modules', name);
    if (await stat(join(candidate, 'package.json')).catch(() => null)) return realpath(candidate);
    if (dirname(at) === at) return null;
  }
}

/** What the package at `place` of the new layout would find by this name. */
function visible(placed: ReadonlyMap<string, PlacedPackage>, place: string, name: string): PlacedPackage | null {
  for (let at = place; ; at = at.includes('/node_modules/') ? at.slice(0, at.lastIndexOf('/node_modules/')) : '') {
    const found = placed.get(at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`);
    if (found) return found;
    if (at === '') return null;
  }
}
