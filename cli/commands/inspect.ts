import { Command } from 'commander';

import { simOptions } from '../calibration.ts';
import { type PlacementOptions, placementOptions, type ReportOptions } from '../options.ts';
import { printWarnings } from '../summary.ts';
import { type Column, table } from '../table.ts';

const unitColumns: readonly Column[] = [{ title: 'unit' }, { title: 'output', most: 44 }, { title: 'rule' }];
const floatColumns: readonly Column[] = [{ title: 'what' }, { title: 'name', most: 44 }, { title: 'why' }];

/** What would be quantized, how, and which rule says so. */
export function inspectCommand(): Command {
  const command = placementOptions(new Command('inspect')
    .description('show what would be quantized, how, and which rule of the configuration says so')
    .argument('<model>', 'ONNX model'))
    .option('--json', 'print the placement as one JSON object');
  return command
    .addHelpText('after', `
Examples:
  $ quantpipe inspect model.onnx
  $ quantpipe inspect model.onnx --config target.json --json | jq '.float'`)
    .action(async (model: string, options: PlacementOptions & ReportOptions) => {
      const { describePlacement, QuantSim } = await import('../../pipeline/index.ts');
      const sim = await QuantSim.open(model, simOptions(options));
      const { units, float } = sim.placement;
      const rows = describePlacement(sim.placement);
      if (options.json) {
        console.log(JSON.stringify({ quantizers: rows, units, float, warnings: sim.warnings }, null, 2));
        return;
      }
      console.log(table(
        [{ title: 'tensor', most: 44 }, { title: 'kind' }, { title: 'bits', align: 'right' }, { title: 'symmetry' }, { title: 'granularity' }, { title: 'shares with', most: 44 }, { title: 'rule' }],
        rows.map(row => [row.tensor, row.kind, row.bitwidth, row.symmetry, row.granularity, row.sharedWith, row.rule]),
      ));
      if (units.length > 0) console.log(`\ntreated as one operator, with one quantizer at its end:\n${table(unitColumns, units.map(({ kind, output, rule }) => [kind, output, rule.path]))}`);
      if (float.length > 0) console.log(`\nleft in float:\n${table(floatColumns, float.map(({ opType, name, reason }) => [opType, name, reason]))}`);
      printWarnings(sim);
    });
}
