#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command } from 'commander';

import { encodeCommand } from './commands/encode.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { inspectCommand } from './commands/inspect.ts';
import { mergeCommand } from './commands/merge.ts';
import { observeCommand } from './commands/observe.ts';
import { runCommand } from './commands/run.ts';
import { exitCode, INTERRUPTED } from './exit.ts';
import { watchStandardError, watchStandardOutput } from './standard-output.ts';
import { setV8Flags } from './v8-flags.ts';

setV8Flags();

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

/** How long what was interrupted may take to close. */
const GRACE_MS = 500;

watchStandardOutput();
watchStandardError();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCode(error, line => process.stderr.write(`${line}\n`));
  process.stdin.destroy(); // a pipe that nobody reads any more would keep the process waiting
  if (process.exitCode === INTERRUPTED) setTimeout(() => process.exit(), GRACE_MS).unref(); // and so would a server that does not answer
}
