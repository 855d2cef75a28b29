#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Command } from 'commander';

import { encodeCommand } from './commands/encode.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { inspectCommand } from './commands/inspect.ts';
import { mergeCommand } from './commands/merge.ts';
import { observeCommand } from './commands/observe.ts';
import { runCommand } from './commands/run.ts';
import { exitCode } from './exit.ts';
import { watchStandardOutput } from './standard-output.ts';

// An engine's outputs are outside V8's heap, and every 64 MiB of them make it collect garbage. What helps it along in other threads takes
// processors from our own: measured on a text recognizer, two workers do a third more without (and one as many as before).
setFlagsFromString('--no-concurrent-marking');
// V8 optimizes what ran a little; what runs once a batch, in every thread, costs more to optimize than it ever gives back: measured on 60,000 small images, a
// tenth of the time and 15 MiB, of which a short run has nothing yet. Loops over samples pass this number at once. Later versions of V8, from Node 22 on, have another
// measure, and complain of this one.
if (parseInt(process.versions.v8) < 12) setFlagsFromString('--interrupt-budget=1000000');

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

const program = new Command('quantpipe')
  .description('Calibrate a trained ONNX model on data, find its fixed-point encodings, and export an INT8 model.')
  .version(version)
  .addHelpText('after', `
Examples:
  $ quantpipe run model.onnx calibration.arrow -o out       calibrate, encode, export
  $ quantpipe inspect model.onnx                            what would be quantized, and by which rule
  $ quantpipe evaluate model.onnx labelled.arrow --encodings out/encodings.json

quantpipe COMMAND --help tells more of each command.`)
  .showHelpAfterError('(add --help for the options)')
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'quantpipe: ')) });

for (const command of [runCommand(), inspectCommand(), observeCommand(), mergeCommand(), encodeCommand(), evaluateCommand()]) {
  program.addCommand(command.copyInheritedSettings(program));
}

watchStandardOutput();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCode(error, line => process.stderr.write(`${line}\n`));
  process.stdin.destroy(); // a pipe that nobody reads any more would keep the process waiting
}
