import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';

import { suite } from '../support/suite.ts';

/** Prints the flags that are set. */
const spy = `import v8 from 'node:v8'; import { syncBuiltinESMExports } from 'node:module';
v8.setFlagsFromString = flags => console.error(flags); syncBuiltinESMExports();`;

suite('cli/collector', test => {
  test('garbage is marked by the thread that made it, and Node 20 optimizes later', async () => {
    const { stderr } = await promisify(execFile)(process.execPath, ['--import', `data:text/javascript,${encodeURIComponent(spy)}`, join(import.meta.dirname, '../../cli/main.js'), '--version']);
    assert.is(stderr, parseInt(process.versions.v8) < 12 ? '--no-concurrent-marking\n--interrupt-budget=1000000\n' : '--no-concurrent-marking\n');
  });
});
