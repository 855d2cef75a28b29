import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';

import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

/** Nothing else of the environment: variables of CI services (CI, GITHUB_ACTIONS, GITLAB_CI and others) turn telemetry off, too. */
const { PATH, HOME } = process.env;

/** What a run with the native engine leaves in the folder for temporary files. */
async function leftBehind(folder: string, settings: Record<string, string>): Promise<string[]> {
  const temporary = join(folder, `temporary-${Object.values(settings).join()}`);
  await mkdir(temporary);
  const args = ['observe', 'fixtures/models/fmnist-cnn.onnx', 'fixtures/data/fmnist-calibration.arrow', '--limit', '64', '--engine', 'native', '--quiet', '-o', join(folder, 's.arrow')];
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../cli/main.js'), ...args], { env: { PATH, HOME, ...settings, TMPDIR: temporary } });
  return readdir(temporary);
}

suite('engine/telemetry', test => {
  test("ONNX Runtime's telemetry is off, threads included, unless the user's environment wants it", () => inFolder(async folder => {
    assert.equal(await leftBehind(folder, {}), []);
    const reporting = await leftBehind(folder, { ORT_DISABLE_TELEMETRY: '0' });
    assert.ok(reporting.some(name => /^mat-debug-\d+\.log$/.test(name)), `with telemetry there is a log, and not only ${JSON.stringify(reporting)}: else the switch is needed no more`);
  }));
});
