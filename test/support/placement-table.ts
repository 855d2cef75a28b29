import { describePlacement } from '../../pipeline/config/describe-placement.ts';
import type { Placement } from '../../pipeline/config/placement.ts';

/** A placement as text, to be compared with a golden: a row per quantizer, then units, what is left in float, and warnings. */
export function placementTable(placement: Placement): string {
  const rows = describePlacement(placement).map(({ tensor, kind, bitwidth, symmetry, granularity, sharedWith, untied, undivided, constraint, rule }) =>
    [tensor, kind, String(bitwidth), symmetry, granularity, sharedWith || untied || undivided, constraint, rule]);
  return [
    ...aligned([['tensor', 'kind', 'bits', 'symmetry', 'granularity', 'shared with', 'constraint', 'rule'], ...rows]), '',
    ...aligned([['unit', 'output', 'nodes', 'rule'], ...placement.units.map(({ kind, output, nodes, rule }) => [kind, output, String(nodes.length), rule.path])]), '',
    ...aligned([['left in float', 'name', 'operator', 'reason'], ...placement.float.map(({ kind, name, opType, reason }) => [kind, name, opType, reason])]), '',
    ...placement.warnings.map(warning => `warning: ${warning}`),
  ].join('\n').trimEnd() + '\n';
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  return rows.map(row => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd());
}

/**
 * The rows of `table` that `base` does not have, and, marked with a minus, the names of those that only `base` has. Widths of columns do not
 * count, and of int32 biases, which follow from their neighbours, only whether they are there.
 */
export function differentRows(base: string, table: string): string {
  const rowsOf = (text: string) => text.split('\n').filter(row => row !== '').map(row => row.replace(/ {2,}/g, '  '));
  const [before, after] = [rowsOf(base), rowsOf(table)];
  const nameOf = (row: string) => row.split('  ')[0]!;
  const isBias = (row: string) => row.endsWith('input × weight');
  const names = new Set(after.map(nameOf)), biasesBefore = new Set(before.filter(isBias).map(nameOf));
  const gone = before.filter(row => !names.has(nameOf(row))).map(row => `- ${nameOf(row)}\n`);
  const changed = after.filter(row => !before.includes(row) && !(isBias(row) && biasesBefore.has(nameOf(row)))).map(row => `+ ${row}\n`);
  return [...gone, ...changed].join('');
}
