import { execFile, spawn } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { tableFromIPC, tableToIPC } from 'apache-arrow';
import * as assert from 'uvu/assert';

import { blocks, openSource } from '../../pipeline/data/index.ts';
import { floats } from '../support/random.ts';
import { samplesFile } from '../support/samples.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const run = promisify(execFile);
/** An Arrow stream, larger than what a pipe holds. */
const stream = tableToIPC(tableFromIPC(samplesFile({ x: { size: 784, values: floats(784 * 300) } }, 300)), 'stream');
/** A process that takes longer hangs. */
const HANGS_MS = 60_000;

/** Run `body` with the path of a named pipe. */
const withPipe = (body: (pipe: string, folder: string) => Promise<void>) => () => inFolder(async folder => {
  const pipe = join(folder, 'pipe');
  await run('mkfifo', [pipe]);
  await body(pipe, folder);
});

async function blocksOf(path: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { bytes } of blocks(await openSource(path), { size: 100 })) found.push(Buffer.from(bytes).toString('base64'));
  return found;
}

/** A script in a process of its own, as a module that has `openSource` and the pipe. */
const script = (pipe: string, text: string) => run(process.execPath, ['--input-type=module', '-e', `
  import { openSource } from '${new URL('../../pipeline/index.js', import.meta.url)}';
  const pipe = ${JSON.stringify(pipe)};
  ${text}`], { timeout: HANGS_MS });

suite('end-to-end/named-pipe', test => {
  test('what is written into a pipe, late and in pieces, is read as from a file', withPipe(async (pipe, folder) => {
    const file = join(folder, 'data.arrows');
    await writeFile(file, stream);
    const writing = run('sh', ['-c', `sleep 0.2; { head -c 70001 '${file}'; sleep 0.1; tail -c +70002 '${file}'; } > '${pipe}'`]);
    assert.equal(await blocksOf(pipe), await blocksOf(file));
    await writing;
  }));

  test('a pipe that nobody writes to is not waited for when the user stops, and holds up no process', withPipe(async pipe => {
    const { stdout } = await script(pipe, `
      const controller = new AbortController();
      setTimeout(() => controller.abort(new Error('stopped')), 100);
      await openSource(pipe, { signal: controller.signal }).catch(error => console.log(error.message));`);
    assert.is(stdout, 'stopped\n');
  }));

  test('a signal keeps nothing of a pipe that was read, or given up', withPipe(async (pipe, folder) => {
    const file = join(folder, 'data.arrows'), { signal } = new AbortController();
    await writeFile(file, stream);
    for (const isWhole of [true, false]) {
      const writing = run('sh', ['-c', `cat '${file}' > '${pipe}' || true`]);
      for await (const block of (await openSource(pipe, { signal })).batches()) if (!isWhole && block.numRows > 0) break;
      await writing;
      await setImmediate();
      assert.is(getEventListeners(signal, 'abort').length, 0);
    }
  }));

  test('a source that is not read holds up no process while its pipe is open', withPipe(async (pipe, folder) => {
    const head = join(folder, 'head');
    await writeFile(head, stream.subarray(0, 10_000));
    const writer = spawn('sh', ['-c', `exec > '${pipe}'; cat '${head}'; exec sleep 1000`]); // the pipe stays open
    const { stdout } = await script(pipe, 'console.log((await openSource(pipe)).columns.map(({ name }) => name).join());');
    writer.kill();
    assert.is(stdout, 'x\n');
  }));

  test('a second Ctrl-C ends the process also while a thread waits for a file', withPipe(async pipe => {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../cli/main.js'), 'run', pipe, 'data.arrow', '-o', 'out'], { stdio: 'ignore' });
    const ended = once(child, 'close') as Promise<[code: number | null, signal: string | null]>;
    const model = await open(pipe, 'w'); // which waits for a reader: now the model is read
    const interrupting = setInterval(() => child.kill('SIGINT'), 200);
    const hanging = setTimeout(() => child.kill('SIGKILL'), HANGS_MS);
    const [, signal] = await ended;
    clearInterval(interrupting);
    clearTimeout(hanging);
    await model.close();
    assert.is(signal, 'SIGINT', 'which shells tell as 130');
  }));
});
