import { Command } from 'commander';

import type { LeftInFloat, PlacementRow, Undivided, Unit } from '../../pipeline/index.ts';
import { simOptions } from '../calibration.ts';
import { printable } from '../exit.ts';
import { type PlacementOptions, placementOptions, type ReportOptions } from '../options.ts';
import { table } from '../table.ts';

/** Widest that a column of names becomes. */
const NAME = 44;

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
  $ quantpipe inspect model.onnx --config htp-v75 --override layers.json
  $ quantpipe inspect model.onnx --config target.json --json | jq '.float'`)
    .action(async (model: string, options: PlacementOptions & ReportOptions) => {
      const { describePlacement, QuantSim } = await import('../../pipeline/sim/index.ts');
      const sim = await QuantSim.open(model, simOptions(options));
      const { units, float, undivided } = sim.placement;
      const quantizers = describePlacement(sim.placement, sim.model.graph);
      if (options.json) {
        console.log(JSON.stringify({ config: sim.configName, quantizers, units, float, warnings: sim.warnings }, null, 2));
        return;
      }
      console.log([quantizerTable(quantizers), ...undividedTable(undivided), ...unitTable(units), ...floatTable(float)].join('\n\n'));
      for (const warning of sim.warnings) process.stderr.write(`warning: ${printable(warning)}\n`);
    });
}

function quantizerTable(rows: readonly PlacementRow[]): string {
  return table(
    [
      { title: 'tensor', most: NAME }, { title: 'producer' }, { title: 'kind' }, { title: 'bits', align: 'right' }, { title: 'symmetry' }, { title: 'granularity' },
      { title: 'fixed range' }, { title: 'shares with', most: 2 * NAME }, { title: 'rule' },
    ],
    rows.map(({ tensor, producer, kind, bitwidth, symmetry, granularity, constraint, ...row }) =>
      [tensor, producer, kind, bitwidth, symmetry, granularity, constraint, sharing(row), ruleOf(row)]),
  );
}

/** The tensor whose encoding it is, or why it is that of none, and how many tensors' statistics that comes from where it is not the one's alone. */
function sharing({ sharedWith, untied, observed }: Pick<PlacementRow, 'sharedWith' | 'untied' | 'observed'>): string {
  return [...(sharedWith === '' ? [] : [sharedWith]), ...(untied === '' ? [] : [untied]), ...(observed.length > 1 ? [`merged from ${observed.length}`] : [])].join(', ');
}

/** The line that decided; the section where the line does not begin with it. */
function ruleOf({ section, rule }: Pick<PlacementRow, 'section' | 'rule'>): string {
  return section === 'exception' || section === 'override' ? `${section}: ${rule}` : rule;
}

function undividedTable(undivided: readonly Undivided[]): string[] {
  if (undivided.length === 0) return [];
  return [`per tensor, because operators that share them would divide them differently:\n${table([{ title: 'weight', most: NAME }, { title: 'who, and by which rule' }],
    undivided.map(({ tensor, reason }) => [tensor, reason]))}`];
}

function unitTable(units: readonly Unit[]): string[] {
  if (units.length === 0) return [];
  const rows = units.map(({ kind, nodes, output, rule }) => [kind, nodes.length, nodes.join(' → '), output, rule.path]);
  return [`treated as one operator, with one quantizer at its end:\n${table(
    [{ title: 'unit' }, { title: 'nodes', align: 'right' }, { title: 'inside', most: 2 * NAME }, { title: 'output', most: NAME }, { title: 'rule' }], rows)}`];
}

function floatTable(float: readonly LeftInFloat[]): string[] {
  if (float.length === 0) return [];
  return [`left in float:\n${table([{ title: 'operator' }, { title: 'name', most: NAME }, { title: 'why' }],
    float.map(({ opType, name, reason }) => [opType, name, reason]))}`];
}
