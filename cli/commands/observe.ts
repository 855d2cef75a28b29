import { readFile } from 'node:fs/promises';
import { Command, Option } from 'commander';

import { calibrateWithProgress, filesRead, pick, readOptions, simOptions, withCheckpoint, workFiles } from '../calibration.ts';
import { Heap, holdYoung } from '../heap.ts';
import { interruptible } from '../interrupt.ts';
import { leavingNothing } from '../leaving-nothing.ts';
import {
  DATA_ARGUMENT, type DataOptions, dataOptions, type EngineOptions, engineOptions, type FaultOptions, faultOptions, type MemoryOptions, memoryOptions, type PlacementOptions, placementOptions, type ReportOptions, reportOptions, shardOption,
} from '../options.ts';
import { integer } from '../option-values.ts';
import { noteOutput } from '../standard-output.ts';
import { printSummary } from '../summary.ts';

type Options = PlacementOptions & DataOptions & EngineOptions & MemoryOptions & FaultOptions & ReportOptions & { readonly output: string; readonly order?: string; readonly beside?: number };

/** Statistics only: a filter from Arrow to Arrow, for shards and other machines. */
export function observeCommand(): Command {
  const command = new Command('observe')
    .description('gather the statistics of a model on data, to be merged and encoded later')
    .argument('<model>', 'ONNX model')
    .argument('<data>', DATA_ARGUMENT)
    .requiredOption('-o, --output <file>', 'statistics file to write (Arrow IPC), or - for standard output');
  command.addOption(new Option('--beside <processes>', 'of an order: processes that share the memory of the machine').argParser(integer('count', 1)).hideHelp());
  command.addOption(new Option('--order <file>', 'a work order of `run --spark`, whose tapped model is given').hideHelp());
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
      holdYoung();
      noteOutput(options.output);
      if (options.order !== undefined) return carryOut(model, options.order, data, options);
      const { QuantSim } = await import('../../pipeline/sim/index.ts');
      await interruptible(async signal => {
        const sim = await QuantSim.open(model, simOptions(options));
        const source = await sim.openSource(data, { ...await readOptions(options), stdin: process.stdin, signal });
        const { prepareFile, writeOutput, writeStatistics } = await import('../../pipeline/index.ts');
        const checkpoint = options.output === '-' ? null : `${options.output}.checkpoint`;
        await sim.checkOutputs([options.output, ...workFiles(checkpoint, options)], filesRead(options));
        const removeFolder = await prepareFile(options.output);
        const observed = async () => {
          const figures = await calibrateWithProgress(sim, source, options, checkpoint, signal, 'observe');
          return [figures, await writeOutput(options.output, writeStatistics(sim.statistics), process.stdout)] as const;
        };
        const [run, outputs] = await leavingNothing(removeFolder, () => checkpoint === null ? observed() : withCheckpoint(checkpoint, { ...options, signal }, observed));
        if (options.output !== '-') printSummary({ sim, run, outputs }, options);
      });
    });
}

/** What an executor of a cluster does: no placement and no preparation, only what it was told. */
async function carryOut(model: string, order: string, data: string, options: Options): Promise<void> {
  const { observe, openSource, readWorkOrder, refuseOverwriting, writeOutput, writeStatistics } = await import('../../pipeline/index.ts');
  await refuseOverwriting([options.output], { files: [model, order], data: [data] });
  await interruptible(async signal => {
    const { plan, options: ordered } = readWorkOrder(await readFile(model), await readFile(order, 'utf8'));
    const source = await openSource(data, { stdin: process.stdin, signal });
    const observing = observe(plan, source, { ...ordered, ...pick(options, 'workers', 'beside'), signal, maxBad: 0 });
    let step = await observing.next();
    for (const heap = new Heap(); !step.done; heap.hold()) step = await observing.next();
    await writeOutput(options.output, writeStatistics(step.value.statistics), process.stdout);
  });
}
