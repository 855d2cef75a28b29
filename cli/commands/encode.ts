import { Command } from 'commander';

import { simOptions } from '../calibration.ts';
import { interruptible } from '../interrupt.ts';
import { leavingNothing } from '../leaving-nothing.ts';
import {
  type ExportOptions, exportOptions, type PlacementOptions, placementOptions, type ReportOptions, reportOptions, type SchemeOptions, schemeOptions,
} from '../options.ts';
import { printSummary } from '../summary.ts';

type Options = PlacementOptions & SchemeOptions & ExportOptions & ReportOptions & { readonly output: string };

/** Statistics to encodings and models: the second half of run. */
export function encodeCommand(): Command {
  const command = new Command('encode')
    .description('turn statistics into encodings and an INT8 model')
    .argument('<model>', 'the ONNX model the statistics were gathered on')
    .argument('<statistics>', 'file that observe or merge wrote; - is standard input')
    .requiredOption('-o, --output <folder>', 'where the five files go');
  for (const add of [placementOptions, schemeOptions, exportOptions, reportOptions]) add(command);
  return command
    .addHelpText('after', `
Nothing is run again, so schemes are compared in a second:
  $ quantpipe encode model.onnx out/statistics.arrow -o min-max --scheme min-max
  $ quantpipe encode model.onnx out/statistics.arrow -o gamma30 --gamma 30`)
    .action(async (model: string, statistics: string, options: Options) => {
      const { exportPaths, prepareFolder, QuantSim, readStatisticsFile } = await import('../../pipeline/sim/index.ts');
      await interruptible(async signal => {
        const sim = await QuantSim.open(model, simOptions(options));
        sim.checkExport(options);
        await sim.checkOutputs(exportPaths(options.output), { files: [statistics] });
        const removeFolder = await prepareFolder(options.output);
        const outputs = await leavingNothing(removeFolder, async () => {
          await sim.encode(await readStatisticsFile(statistics, { stdin: process.stdin }), { signal });
          return sim.export(options.output, options);
        });
        printSummary({ sim, outputs }, options);
      });
    });
}
