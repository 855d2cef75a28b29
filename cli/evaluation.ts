import type { Evaluation, Trace } from '../pipeline/index.ts';
import { printable } from './exit.ts';
import { table } from './table.ts';

const FORMS = { float: 'float', simulated: 'simulated', exported: 'exported (INT8)' } as const;

/** Accuracy of each form, and how close they are to each other; with a trace, where simulation and exported model part. */
export function printEvaluation(evaluation: Evaluation, traced: Trace | null, { json }: { readonly json?: true }): void {
  if (json) console.log(JSON.stringify(traced === null ? evaluation : { ...evaluation, trace: traced }));
  else console.log([report(evaluation), ...(traced === null ? [] : [traceReport(traced)])].join('\n\n'));
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
      pairs.flatMap(({ of, to, outputs, answers }) => [
        ...Object.entries(outputs).map(([output, { exact, sqnr, cosine, agreement, maxError }]) =>
          [`${of} to ${to}`, output, exact ? 'exact' : Number.isFinite(sqnr) ? `${sqnr.toFixed(1)} dB` : 'not finite', cosine.toFixed(6), agreement === null ? '' : percent(agreement), Number(maxError.toPrecision(3))]),
        ...Object.entries(answers).map(([output, { equal }]) => [`${of} to ${to}`, output, equal === 1 ? 'exact' : '', '', percent(equal), '']),
      ]),
    ));
  }
  for (const { of, to, outputs } of pairs) {
    for (const [output, { offBy, nonFinite }] of Object.entries(outputs)) {
      if (offBy !== null) parts.push(`${of} to ${to}: in steps of its encoding, '${printable(output)}' is ${offByText(offBy)}`);
      if (nonFinite > 0) parts.push(`${of} to ${to}: ${nonFinite} values of '${printable(output)}' are NaN or infinite and were left out of SQNR, cosine and largest error`);
    }
  }
  return parts.join('\n\n');
}

/** Rows of the table of tensors that part. */
const SHOWN = 12;

function traceReport({ tensors, notCompared }: Trace): string {
  const parting = tensors.filter(({ offBy }) => offBy.some((count, steps) => steps > 0 && count > 0));
  const [first] = parting;
  const left = notCompared.length === 0 ? '' : `\nnot compared, because one of the two models has no such tensor: ${printable(notCompared.join(', '))}`;
  const all = tensors.length + notCompared.length;
  if (first === undefined) return `trace: simulated and exported model compute the same codes in ${tensors.length} of ${all} quantized activations${left}`;
  const where = first.node === null ? 'a model input' : `the output of ${printable(`${first.opType} '${first.node}'`)}`;
  const rows = parting.slice(0, SHOWN).map(({ tensor, opType, offBy }) => [tensor, opType ?? 'input', offByText(offBy)]);
  const more = parting.length > SHOWN ? `\n… and ${parting.length - SHOWN} more` : '';
  return `trace: the two part first at '${printable(first.tensor)}', ${where}; ${parting.length} of ${all} quantized activations differ\n` +
    table([{ title: 'tensor', most: 44 }, { title: 'computed by' }, { title: 'how far, in steps' }], rows) + more + left;
}

/** "off by 1 in 3 of 960 values": how many elements there are at each distance that occurs. */
function offByText([same, ...off]: readonly number[]): string {
  const all = off.reduce((sum, count) => sum + count, same ?? 0);
  const parts = off.flatMap((count, i) => count === 0 ? [] : `by ${i + 1}${i === off.length - 1 ? ' or more' : ''} in ${count}`);
  return parts.length === 0 ? `the same in all ${all} values` : `off ${parts.join(', ')} of ${all} values`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
