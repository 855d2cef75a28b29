import { join } from 'node:path';
import { Command } from 'commander';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { calibrateWithProgress, filesRead, readOptions, simOptions, withCheckpoint, workFiles } from '../calibration.ts';
import { holdYoung } from '../heap.ts';
import { interruptible } from '../interrupt.ts';
import { leavingNothing } from '../leaving-nothing.ts';
import {
  DATA_ARGUMENT, type DataOptions, dataOptions, type EngineOptions, engineOptions, type FaultOptions, faultOptions, type MemoryOptions, memoryOptions, type ExportOptions, exportOptions, type PlacementOptions, placementOptions,
  type ReportOptions, reportOptions, type SchemeOptions, schemeOptions,
} from '../options.ts';
import { calibrateOnSpark, type ClusterOptions, clusterOptions } from '../spark.ts';
import { printSummary } from '../summary.ts';

type Options = PlacementOptions & SchemeOptions & DataOptions & EngineOptions & MemoryOptions & FaultOptions & ExportOptions & ClusterOptions & ReportOptions & { readonly output: string };

/** The main job: calibrate, encode, export. */
export function runCommand(): Command {
  const command = new Command('run')
    .description('calibrate a model on data, find the encodings, and export what runtimes read')
    .argument('<model>', 'ONNX model')
    .argument('[data]', `${DATA_ARGUMENT}; not needed where only weights are quantized`)
    .requiredOption('-o, --output <folder>', 'where the five files go');
  for (const add of [placementOptions, schemeOptions, dataOptions, engineOptions, memoryOptions, faultOptions, exportOptions, clusterOptions, reportOptions]) add(command);
  return command
    .addHelpText('after', `
Writes encodings.json, model.onnx (the float model the encodings speak of), model.qdq.onnx (INT8),
encodings.arrow and statistics.arrow.

Examples:
  $ quantpipe run model.onnx calibration.arrow -o out
  $ quantpipe run model.onnx images.npy -o out --scale 0.00392157 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --layout nhwc
  $ quantpipe run model.onnx data.arrow -o out --load-encodings adaround.json --freeze --encodings-version 2.0.0
  $ quantpipe run model.onnx data.arrow -o out --config target.json --scheme min-max --json > summary.json
  $ quantpipe run model.onnx s3a://bucket/samples.parquet -o out --spark spark://host:7077`)
    .action(async (model: string, data: string | undefined, options: Options) => {
      holdYoung();
      const { exportPaths, prepareFolder, QuantSim } = await import('../../pipeline/sim/index.ts');
      await interruptible(async signal => {
        const sim = await QuantSim.open(model, simOptions(options));
        sim.checkExport(options);
        if (data === undefined && sim.needsData) throw new QuantpipeError('config-invalid', 'activations are calibrated on data, and none is named: give DATA, or quantize weights only (--activation-bits float32)');
        if (options.resume && !sim.needsData) throw new QuantpipeError('config-invalid', 'only weights are quantized, which needs no calibration, so there is none to go on with: leave --resume out');
        const source = data === undefined ? [] : options.spark === undefined ? await sim.openSource(data, { ...await readOptions(options), stdin: process.stdin, signal }) : null;
        const checkpoint = join(options.output, 'checkpoint.arrow');
        await sim.checkOutputs([...exportPaths(options.output), ...workFiles(checkpoint, options)], { ...filesRead(options), data: data === undefined ? [] : [data] });
        const removeFolder = await prepareFolder(options.output);
        const [run, outputs] = await leavingNothing(removeFolder, () => withCheckpoint(checkpoint, { ...options, signal }, async () => {
          const figures = source === null
            ? await calibrateOnSpark(sim, data!, options.spark!, options, signal)
            : await calibrateWithProgress(sim, source, options, checkpoint, signal);
          return [figures, await sim.export(options.output, options)] as const;
        }));
        printSummary({ sim, run, outputs }, options);
      });
    });
}
