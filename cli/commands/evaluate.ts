import { Command, Option } from 'commander';

import { readOptions, pick, simOptions } from '../calibration.ts';
import { METRICS } from '../choices.ts';
import { printEvaluation } from '../evaluation.ts';
import { interruptible } from '../interrupt.ts';
import { integerList } from '../option-values.ts';
import { DATA_ARGUMENT, type DataOptions, dataOptions, type EngineOptions, engineOptions, type PlacementOptions, placementOptions, type ReportOptions } from '../options.ts';
import { ProgressLine } from '../progress.ts';
import { printWarnings } from '../summary.ts';

interface Options extends PlacementOptions, DataOptions, EngineOptions, ReportOptions {
  readonly encodings?: string;
  readonly against?: string;
  readonly label?: string | false;
  readonly trace?: true;
  readonly metric?: (typeof METRICS)[number];
  readonly ignoreClasses?: readonly number[];
}

/** The truth about what quantizing cost: float, simulated and exported, side by side. */
export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('run the float, the simulated and the exported model over data, and compare')
    .argument('<model>', 'ONNX model in float')
    .argument('<data>', DATA_ARGUMENT)
    .option('--encodings <file>', 'encodings file of the model, of any version')
    .option('--against <model>', 'compare this exported model instead of one made from the encodings')
    .option('--trace', 'name the first tensor where simulation and exported model part (looks at 4 samples, or --limit)')
    .option('--label <column>', 'column that holds the right answers (default: label, where there is one)')
    .option('--no-label', 'compare outputs only, even where there are labels')
    .addOption(new Option('--metric <name>', 'how answers are judged (default: top-1 for class numbers, ctc for lists of them)').choices(METRICS))
    .option('--ignore-classes <list>', 'ctc: classes that do not count, e.g. the space', integerList);
  for (const add of [placementOptions, dataOptions]) add(command);
  return engineOptions(command, { workers: false })
    .option('--json', 'print the result as one JSON object')
    .option('--quiet', 'no progress: the result, warnings and errors only')
    .addHelpText('after', `
Use the same --config that the encodings were made with.

Examples:
  $ quantpipe evaluate model.onnx labelled.arrow --encodings out/encodings.json
  $ quantpipe evaluate model.onnx images.npy --against out/model.qdq.onnx --engine web`)
    .action(async (model: string, data: string, options: Options) => {
      const { QuantSim } = await import('../../pipeline/sim/index.ts');
      await interruptible(async signal => {
        if (options.trace && options.encodings === undefined) command.error('error: --trace compares simulation and exported model: name the encodings, --encodings FILE');
        const sim = await QuantSim.open(model, simOptions(options));
        if (options.encodings !== undefined) await sim.loadEncodings(options.encodings);
        const source = await sim.openSource(data, { ...await readOptions(options), stdin: process.stdin, signal });
        const { readModelFile } = await import('../../pipeline/index.ts');
        const settings = {
          signal,
          ...await readOptions(options),
          ...pick(options, 'engine', 'batchSize', 'limit'),
          ...(options.against === undefined ? {} : { against: await readModelFile(options.against) }),
        };
        const label = options.label === false ? { label: null } : pick(options as { label?: string }, 'label');
        const line = new ProgressLine('evaluating', { quiet: options.quiet === true });
        const evaluation = await sim.evaluate(source, { ...settings, ...label, ...pick(options, 'metric', 'ignoreClasses'), onProgress: progress => line.update(progress) }).finally(() => line.clear());
        printEvaluation(evaluation, options.trace ? await sim.trace(source, settings) : null, options);
        printWarnings(sim);
      });
    });
}
