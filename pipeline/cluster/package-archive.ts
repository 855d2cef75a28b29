import { createHash } from 'node:crypto';
import { access, readFile, readdir, rm, stat } from 'node:fs/promises';
import { homedir, platform } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { writeAtomically } from '../base/atomic-file.ts';
import type { EngineName } from '../engine/index.ts';
import { installedPackages, type PlacedPackage } from './installed-packages.ts';
import { tar, type TarEntry } from './tar.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** Of the archive: higher levels take much longer for little. */
const COMPRESSION = { level: 3 };
/** Archives of one engine that are kept, the newest: a job that still runs may hand out an older one than the last. */
const KEPT = 4;

/** What is never run: source maps, declarations, documentation. */
const NOT_RUN = /\.(?:map|md|tsbuildinfo|d\.[cm]?ts)$/;
/** What quantpipe itself is at run time, in a checkout too. */
const OWN = /^(?:package\.json|build\/kernels\.wasm|dist\/(?:pipeline|cli)\/.*)$/;
const OWN_FOLDERS = /^(?:build|dist|dist\/(?:pipeline|cli)(?:\/.*)?)$/;
/** What runs of packages that are mostly something else: the engines' builds for browsers and for other systems. */
const PARTS: Readonly<Record<string, RegExp>> = {
  'onnxruntime-web': /^(?:package\.json|dist\/(?:ort\.node\..*|ort-wasm-simd-threaded\.(?:mjs|wasm)))$/,
  'onnxruntime-node': new RegExp(`^(?!bin/)|^bin/[^/]+/(?:linux|${platform()})/`),
};

/**
 * An archive (.tar.gz) of this quantpipe with the packages that it needs at run time, for machines that have Node and nothing else.
 * It is made once: its name holds the hash of its content. When a new one is made, old ones go.
 *
 * @param engine whose packages go with it
 * @param folder where archives are kept; default `.cache/quantpipe` in the home folder
 */
export async function packageArchive(engine: EngineName, folder = join(homedir(), '.cache', 'quantpipe')): Promise<string> {
  const entries: TarEntry[] = [];
  for (const entry of await installedPackages(ROOT, engine === 'native' ? ['onnxruntime-node'] : [])) entries.push(...await filesOf(entry));
  const hash = createHash('sha256');
  for (const { path, bytes } of entries) hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  const archive = join(folder, `quantpipe-${engine}-${hash.digest('hex').slice(0, 16)}.tar.gz`);
  if (!await exists(archive)) {
    await writeAtomically(archive, gzipSync(Buffer.concat([...tar(entries)]), COMPRESSION));
    await removeOld(folder, engine);
  }
  return archive;
}

/** All but the newest archives of an engine. Other files in the folder are not ours. */
async function removeOld(folder: string, engine: EngineName): Promise<void> {
  const names = (await readdir(folder)).filter(name => new RegExp(`^quantpipe-${engine}-[0-9a-f]{16}\\.tar\\.gz$`).test(name));
  const archives = await Promise.all(names.map(async name => ({ path: join(folder, name), made: await stat(join(folder, name)).then(({ mtimeMs }) => mtimeMs, () => 0) }))); // another process may remove them, too
  for (const { path } of archives.sort((a, b) => b.made - a.made).slice(KEPT)) await rm(path, { force: true });
}

async function filesOf({ name, folder, place }: PlacedPackage): Promise<TarEntry[]> {
  const isOwn = name === '';
  const isRun = isOwn ? OWN : PARTS[name] ?? /^/;
  const isWanted = (subfolder: string) => isOwn ? OWN_FOLDERS.test(subfolder) : !subfolder.endsWith('node_modules');
  const paths = (await pathsIn(folder, isWanted)).filter(path => isRun.test(path) && !NOT_RUN.test(path)).sort();
  return Promise.all(paths.map(async path => ({ path: place === '' ? path : `${place}/${path}`, bytes: await readFile(join(folder, path)) })));
}

/** The files in a package, in the folders that are wanted. */
async function pathsIn(folder: string, isWanted: (subfolder: string) => boolean, inside = ''): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(folder, inside), { withFileTypes: true })) {
    const path = inside === '' ? entry.name : `${inside}/${entry.name}`;
    if (entry.isFile()) found.push(path);
    else if (entry.isDirectory() && isWanted(path)) found.push(...await pathsIn(folder, isWanted, path));
  }
  return found;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}
