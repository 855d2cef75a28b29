import { Command } from 'commander';

import { bindOptions, calibrateWithProgress, simOptions } from '../calibration.ts';
import { interruptible } from '../interrupt.ts';
import {
  type DataOptions, dataOptions, type EngineOptions, engineOptions, type FaultOptions, faultOptions, type MemoryOptions, memoryOptions, type PlacementOptions, placementOptions, type ReportOptions, reportOptions, shardOption,
} from '../options.ts';
import { printSummary } from '../summary.ts';

type Options = PlacementOptions & DataOptions & EngineOptions & MemoryOptions & FaultOptions & ReportOptions & { readonly output: string };

/** Statistics only: a filter from Arrow to Arrow, for shards and other machines. */
export function observeCommand(): Command {
  const command = new Command('observe')
    .description('gather the statistics of a model on data, to be merged and encoded later')
    .argument('<model>', 'ONNX model')
    .argument('<data>', '.arrow, .npy or .npz file, folder of .npy, or - for an Arrow stream on standard input')
    .requiredOption('-o, --output <file>', 'statistics file to write (Arrow IPC), or - for standard output');
  for (const add of [placementOptions, dataOptions, shardOption, engineOptions, memoryOptions, faultOptions, reportOptions]) add(command);
  return command
    .addHelpText('after', `
Statistics add up exactly: however the data was divided, merge gives the same bytes.

Examples:
  $ quantpipe observe model.onnx data.arrow -o part0.arrow --shard 0/2
  $ quantpipe observe model.onnx data.arrow -o part1.arrow --shard 1/2
  $ quantpipe merge part0.arrow part1.arrow -o all.arrow
  $ quantpipe encode model.onnx all.arrow -o out`)
    .action(async (model: string, data: string, options: Options) => {
      const { QuantSim, removeCheckpoint, writeOutput, writeStatistics } = await import('../../pipeline/index.ts');
      await interruptible(async signal => {
        const sim = await QuantSim.open(model, simOptions(options));
        const source = await sim.openSource(data, { ...bindOptions(options), stdin: process.stdin });
        const checkpoint = options.output === '-' ? null : `${options.output}.checkpoint`;
        const run = await calibrateWithProgress(sim, source, options, checkpoint, signal, 'observe');
        const outputs = await writeOutput(options.output, writeStatistics(sim.statistics), process.stdout);
        if (checkpoint !== null) await removeCheckpoint(checkpoint);
        if (options.output !== '-') printSummary({ sim, run, outputs }, options);
      });
    });
}
