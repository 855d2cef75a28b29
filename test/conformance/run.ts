// The test models of the ONNX project: what the reader, the writer, raising and placement make of them, and what our kernels make of
// the quantized ones.
//
//   npm run conformance [part of a model's name]
//
// The models are those of Debian's package libonnx-testdata. It fails where a check failed, or none was made.

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { baselineOf, checks, publishedChecks } from './checks.ts';
import { DATA_FOLDER, modelFiles, type TestModel, testModels } from './models.ts';
import { quantizedNode } from './quantized-nodes.ts';
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

async function make(name: string, model: TestModel, check: () => Promise<Outcome | null>): Promise<void> {
  const outcome = await outcomeOf(check);
  if (outcome !== null) tally.add(name, model.name, outcome);
}

for await (const model of testModels(DATA_FOLDER, part)) {
  for (const [name, check] of Object.entries(await quantizedNode(model) ?? {})) await make(name, model, check);
  const baseline = await baselineOf(model);
  if ('reason' in baseline) {
    tally.add('run as it is', model.name, skipped(baseline.reason));
    if (baseline.isKernelMissing) for (const [name, check] of Object.entries(publishedChecks)) await make(name, model, () => check(model));
    continue;
  }
  for (const [name, check] of Object.entries(checks)) await make(name, model, () => check(model, baseline));
}

console.table(tally.table);
for (const [reason, count] of tally.reasons) console.log(`skipped ${count}: ${reason}`);
for (const failure of tally.failures) console.error(`failed: ${failure}`);
if ((await modelFiles(DATA_FOLDER)).length === 0) console.error(`there are no models in ${DATA_FOLDER}: apt-get install libonnx-testdata`);
console.log(tally.closingLine);
if (!tally.isGood) process.exitCode = 1;
