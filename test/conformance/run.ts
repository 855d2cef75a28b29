// The test models of the ONNX project: what the reader, the writer, raising and placement make of them, and what our kernels make of
// the quantized ones.
//
//   npm run conformance [part of a model's name]
//
// The models are those of Debian's package libonnx-testdata. It fails where a check failed, or none was made.

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { baselineOf, checks } from './checks.ts';
import { DATA_FOLDER, modelFiles, testModels } from './models.ts';
import { failed, type Outcome, skipped, Tally } from './tally.ts';

const [part = ''] = process.argv.slice(2);

/** A check that throws has failed; a bug shows its stack. */
async function outcomeOf(check: () => Promise<Outcome | null>): Promise<Outcome | null> {
  try {
    return await check();
  } catch (error) {
    return failed(error instanceof QuantpipeError ? error.message : (error as Error).stack!);
  }
}

const tally = new Tally();
for await (const model of testModels(DATA_FOLDER, part)) {
  const baseline = await baselineOf(model);
  if ('reason' in baseline) {
    tally.add('run by the engine', model.name, skipped(baseline.reason));
    continue;
  }
  for (const [name, check] of Object.entries(checks)) {
    const outcome = await outcomeOf(() => check(model, baseline));
    if (outcome !== null) tally.add(name, model.name, outcome);
  }
}

console.table(tally.table);
for (const [reason, count] of tally.reasons) console.log(`skipped ${count}: ${reason}`);
for (const failure of tally.failures) console.error(`failed: ${failure}`);
if ((await modelFiles(DATA_FOLDER)).length === 0) console.error(`there are no models in ${DATA_FOLDER}: apt-get install libonnx-testdata`);
console.log(tally.closingLine);
if (!tally.isGood) process.exitCode = 1;
