import type { Evaluation } from '../pipeline/index.ts';
import { table } from './table.ts';

const FORMS = { float: 'float', simulated: 'simulated', exported: 'exported (INT8)' } as const;

/** Accuracy of each form, and how close they are to each other. */
export function printEvaluation(evaluation: Evaluation, { json }: { readonly json?: true }): void {
  console.log(json ? JSON.stringify(evaluation) : report(evaluation)); // JSON has no Infinity and no NaN: they are null, and `exact` tells which
}

function report({ samples, metric, accuracy, pairs }: Evaluation): string {
  const parts = [`${samples} samples`];
  if (metric !== null) {
    const rows = (Object.keys(FORMS) as (keyof typeof FORMS)[]).filter(form => accuracy[form] !== undefined);
    parts.push(table([{ title: 'model' }, { title: metric, align: 'right' }], rows.map(form => [FORMS[form], percent(accuracy[form]!)])));
  }
  if (pairs.length > 0) {
    parts.push(table(
      [{ title: 'compared' }, { title: 'output', most: 32 }, { title: 'SQNR', align: 'right' }, { title: 'cosine', align: 'right' }, { title: 'same top-1', align: 'right' }, { title: 'largest error', align: 'right' }],
      pairs.flatMap(({ of, to, outputs }) => Object.entries(outputs).map(([output, { exact, sqnr, cosine, agreement, maxError }]) =>
        [`${of} to ${to}`, output, exact ? 'exact' : Number.isFinite(sqnr) ? `${sqnr.toFixed(1)} dB` : 'not finite', cosine.toFixed(6), agreement === null ? '' : percent(agreement), Number(maxError.toPrecision(3))])),
    ));
  }
  for (const { of, to, outputs } of pairs) {
    for (const [output, { nonFinite }] of Object.entries(outputs)) {
      if (nonFinite > 0) parts.push(`${of} to ${to}: ${nonFinite} values of '${output}' are NaN or infinite and were left out of SQNR, cosine and largest error`);
    }
  }
  return parts.join('\n\n');
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
