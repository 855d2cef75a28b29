import { Command } from 'commander';

import { printable } from '../exit.ts';
import { leavingNothing } from '../leaving-nothing.ts';
import { type ReportOptions } from '../options.ts';
import { noteOutput } from '../standard-output.ts';
import { size } from '../table.ts';

/** Add statistics up. */
export function mergeCommand(): Command {
  return new Command('merge')
    .description('add up statistics that were gathered apart')
    .argument('<statistics...>', 'files that observe wrote; - is standard input')
    .requiredOption('-o, --output <file>', 'statistics file to write (Arrow IPC), or - for standard output')
    .option('--json', 'print the summary as one JSON object')
    .option('--quiet', 'no summary: errors only')
    .addHelpText('after', `
Examples:
  $ quantpipe merge part0.arrow part1.arrow part2.arrow -o all.arrow`)
    .action(async (files: string[], options: ReportOptions & { readonly output: string }) => {
      noteOutput(options.output);
      const { mergeStatisticsFiles, missingShards, prepareFile, refuseOverwriting, writeOutput, writeStatistics } = await import('../../pipeline/index.ts');
      await refuseOverwriting([options.output], { files });
      const removeFolder = await prepareFile(options.output);
      let leftOut = 0;
      const statistics = await leavingNothing(removeFolder, () => mergeStatisticsFiles(files, {
        stdin: process.stdin,
        onLeftOut: (samples, total) => {
          leftOut = samples;
          process.stderr.write(`warning: ${samples} of ${total} samples are in none of the shards: they were set aside or left out when those were observed\n`);
        },
      }));
      const outputs = await writeOutput(options.output, writeStatistics(statistics), process.stdout);
      const missing = missingShards(statistics);
      if (missing !== null) process.stderr.write(`warning: ${printable(missing)}\n`);
      if (options.output === '-' || options.quiet) return;
      if (options.json) console.log(JSON.stringify({ samples: statistics.samples, tensors: statistics.tensors.size, missing, leftOut, outputs }));
      else console.log(`${statistics.samples} samples, ${statistics.tensors.size} tensors from ${files.length} files → ${outputs[0]!.path} (${size(outputs[0]!.bytes)})`);
    });
}
