import { readFile, readdir } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import * as assert from 'uvu/assert';

import { suite } from './support/suite.ts';

/** Each folder, lowest first, with all that it may import from besides itself. */
const mayImport: Record<string, string[]> = {
  base: [],
  kernels: ['base'],
  graph: ['base'],
  quant: ['base', 'kernels'],
  onnx: ['base', 'graph'],
  observers: ['base', 'kernels', 'quant'],
  analyzers: ['base', 'kernels', 'quant', 'observers'],
  engine: ['base'],
  data: ['base', 'graph', 'onnx', 'observers'],
  config: ['base', 'graph', 'quant'],
  passes: ['base', 'graph', 'quant'],
  calibrate: ['base', 'kernels', 'graph', 'quant', 'onnx', 'observers', 'analyzers', 'engine', 'data', 'config', 'passes'],
  cluster: ['base', 'kernels', 'graph', 'quant', 'onnx', 'observers', 'engine', 'data', 'calibrate'],
  export: ['base', 'kernels', 'graph', 'quant', 'onnx', 'observers', 'analyzers', 'engine', 'data', 'config', 'passes'],
  sim: ['base', 'kernels', 'graph', 'quant', 'onnx', 'observers', 'analyzers', 'engine', 'data', 'config', 'passes', 'calibrate', 'cluster', 'export'],
};

/** One door per dependency: the files that may import it. A trailing slash allows the folder. */
const doors: Record<string, string[]> = {
  'onnxruntime-web': ['pipeline/engine/web.ts'],
  'onnxruntime-node': ['pipeline/engine/native.ts'],
  'onnxruntime-common': ['pipeline/engine/'],
  'piscina': ['pipeline/calibrate/pool.ts', 'pipeline/calibrate/entry.cts'],
  'apache-arrow': ['pipeline/data/', 'pipeline/export/encodings-arrow.ts'],
  '@bufbuild/protobuf': ['pipeline/onnx/'],
  'commander': ['cli/'],
  'fzstd': ['pipeline/data/'],
  'lz4js': ['pipeline/data/'],
  'yauzl': ['pipeline/data/'],
  'hyparquet': ['pipeline/data/parquet/hyparquet.ts'],
  'sharp': ['pipeline/data/images/decode-image.ts'],
};

async function sources(folder: string): Promise<[path: string, text: string][]> {
  const entries = await readdir(folder, { recursive: true });
  return Promise.all(entries.filter(entry => /\.c?ts$/.test(entry))
    .map(async entry => [join(folder, entry), await readFile(join(folder, entry), 'utf8')] as [string, string]));
}

function imports(text: string): string[] {
  return [...text.matchAll(/(?:from|import) '([^']+)'|import\('([^']+)'\)/g)].map(([, from, dynamic]) => (from ?? dynamic)!);
}

suite('layering', test => {
  test('every folder of pipeline is in the table', async () => {
    const folders = (await readdir('pipeline', { withFileTypes: true })).filter(entry => entry.isDirectory()).map(({ name }) => name);
    for (const folder of folders) assert.ok(folder in mayImport, `pipeline/${folder} is not in the table of test/layering.test.ts`);
  });

  for (const [folder, allowed] of Object.entries(mayImport)) {
    test(`pipeline/${folder} imports only from below`, async () => {
      for (const [file, text] of await sources(join('pipeline', folder))) {
        for (const path of imports(text).filter(path => path.startsWith('.'))) {
          const target = normalize(join(dirname(file), path)).split('/')[1]!;
          assert.ok([folder, ...allowed].includes(target), `${file} imports ${path}`);
        }
      }
    });
  }

  test('a folder with an index is imported through it', async () => {
    const files = [...await sources('pipeline'), ...await sources('cli')];
    const indexed = files.map(([file]) => file).filter(file => file.endsWith('/index.ts') && file !== 'pipeline/index.ts').map(dirname);
    for (const [file, text] of files.filter(([file]) => file !== 'pipeline/index.ts')) { // which is the index of them all
      for (const path of imports(text).filter(path => path.startsWith('.') && !path.endsWith('/index.ts'))) {
        const target = normalize(join(dirname(file), path));
        const passed = indexed.find(folder => target.startsWith(`${folder}/`) && !file.startsWith(`${folder}/`));
        assert.is(passed, undefined, `${file} imports ${path} past ${passed}/index.ts`);
      }
    }
  });

  test('the cluster knows of calibration what crosses to other machines, and nothing else', async () => {
    for (const [file, text] of await sources('pipeline/cluster')) {
      for (const path of imports(text).filter(path => path.includes('/calibrate/'))) {
        assert.ok(['plan.ts', 'work-order.ts', 'protocol.ts'].some(name => path.endsWith(`/calibrate/${name}`)), `${file} imports ${path}`);
      }
    }
  });

  test('the command line uses the pipeline through its index, or the part of it that loads fast', async () => {
    for (const [file, text] of await sources('cli')) {
      for (const path of imports(text).filter(path => path.includes('pipeline/'))) {
        assert.ok(/pipeline\/(sim\/)?index\.ts$/.test(path) || path.includes('pipeline/base/'), `${file} imports ${path}`);
      }
    }
  });

  test('every dependency is imported through its door', async () => {
    for (const [file, text] of [...await sources('pipeline'), ...await sources('cli')]) {
      for (const path of imports(text).filter(path => !path.startsWith('.') && !path.startsWith('node:'))) {
        const name = path.split('/').slice(0, path.startsWith('@') ? 2 : 1).join('/');
        const allowed = doors[name] ?? [];
        assert.ok(allowed.some(door => file === door || (door.endsWith('/') && file.startsWith(door))), `${file} imports ${path}`);
      }
    }
  });

  test('WebAssembly is met in pipeline/kernels only', async () => {
    for (const [file, text] of [...await sources('pipeline'), ...await sources('cli')]) {
      assert.ok(file.startsWith('pipeline/kernels/') || !/\bWebAssembly\./.test(text), `${file} uses WebAssembly`);
    }
  });

  test('what embeds in a browser imports nothing from node', async () => {
    for (const [file, text] of await sources('pipeline/kernels')) {
      for (const path of imports(text)) assert.ok(!path.startsWith('node:') || path === 'node:fs/promises', `${file} imports ${path}`);
    }
  });
});
