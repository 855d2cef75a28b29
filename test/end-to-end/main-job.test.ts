import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import type { Evaluation } from '../../pipeline/index.ts';
import { cases } from '../accuracy/cases.ts';
import { quantpipe } from '../support/cli.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

/** Labelled samples judged here; `npm run accuracy` takes all of them, on both engines, and other placements. */
const SAMPLES: Readonly<Record<string, number>> = { 'direction-classifier': 60, 'text-recognizer': 24 };

/** Of the others: enough to see a point of accuracy. */
const MOST = 500;

suite('end-to-end/main-job', test => {
  for (const { name, model, calibration, evaluation, most, agreement, options } of cases.filter(({ placement }) => placement.length === 0)) {
    const limit = SAMPLES[name] ?? MOST;
    test(`${name}: run and evaluate, ${limit} labelled samples`, () => inFolder(async folder => {
      const ran = await quantpipe(['run', model, calibration, '-o', folder, '--json', '--limit', '64']);
      assert.is(ran.code, 0, ran.stderr);
      const summary = JSON.parse(ran.stdout) as { samples: number; outputs: { path: string; bytes: number }[] };
      assert.is(summary.samples, 64);
      assert.is(summary.outputs.length, 5);
      for (const { path, bytes } of summary.outputs) assert.is((await readFile(path)).length, bytes);

      const evaluated = await quantpipe(['evaluate', model, evaluation, '--encodings', join(folder, 'encodings.json'), '--against', join(folder, 'model.qdq.onnx'), '--limit', String(limit), '--json', ...options]);
      assert.is(evaluated.code, 0, evaluated.stderr);
      const { samples, accuracy, pairs } = JSON.parse(evaluated.stdout) as Evaluation;
      assert.is(samples, limit);
      assert.ok(accuracy.float! > 0.85, `float accuracy ${accuracy.float}`);
      for (const form of ['simulated', 'exported'] as const) {
        const lost = 100 * Math.abs(accuracy.float! - accuracy[form]!);
        assert.ok(lost <= Math.max(most, 100 / limit), `${form} ${accuracy[form]} is ${lost} points away from float ${accuracy.float}`);
      }
      const same = Object.values(pairs.find(({ of, to }) => of === 'exported' && to === 'simulated')!.outputs)[0]!.agreement!;
      assert.ok(same >= agreement, `simulated and exported agree on ${same}`);
    }));
  }

  test('fmnist-lstm says that its LSTM is left in float', async () => {
    const { code, stdout } = await quantpipe(['inspect', 'fixtures/models/fmnist-lstm.onnx']);
    assert.is(code, 0);
    assert.match(stdout, /left in float:\n.*\nLSTM +\/r\/LSTM +it is recurrent/);
  });
});
