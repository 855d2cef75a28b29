import { QuantpipeError } from '../base/errors.ts';
import { elementCount, type Tensor } from '../base/tensor.ts';
import { holdsAnswers } from './answers.ts';
import { argmax, floats, NO_LARGEST } from './compare.ts';

/** What a sample should give: a class, or a sequence of classes. */
export type Label = number | ArrayLike<number>;

export interface MetricOptions {
  /** Classes that do not count in sequences, on either side (a text recognizer's space, say). */
  readonly ignoreClasses?: readonly number[];
}

/** Says how many samples of a batch are right. */
export interface Metric {
  /** Rank of the output it reads. */
  readonly rank: number;
  /** What it judges by, in words, and whether a label is that. */
  readonly labels: string;
  readonly fits: (label: Label) => boolean;
  readonly isCorrect: (values: Float32Array, dims: readonly number[], sample: number, label: Label) => boolean;
  /** Whether an output of integers may stand for what it reads: one for each sample, which is right where it is the label. */
  readonly takesAnswers: boolean;
}

/** A label that is none of the classes of the output, and how many there are. */
export interface OutsideLabels {
  readonly count: number;
  readonly first: number;
  readonly classes: number;
}

/** CTC's class for "nothing new". */
const BLANK = 0;

/** Ways to judge labelled samples. To add one: a line here. */
export const metrics = {
  /** An output [N, classes] is right where its largest value stands at the label; one of class numbers, as ArgMax gives it, where it is the label. */
  'top-1': (): Metric => ({
    rank: 2,
    takesAnswers: true,
    labels: 'a class number for each sample',
    fits: label => typeof label === 'number' || label.length === 1,
    isCorrect: (values, [, classes], sample, label) => {
      const best = argmax(values, sample * classes!, (sample + 1) * classes!);
      return best !== NO_LARGEST && best === Number(label);
    },
  }),
  /** An output [N, steps, classes] is right where its greedy CTC decoding is the label, class by class. */
  'ctc': ({ ignoreClasses = [] }: MetricOptions): Metric => ({
    rank: 3,
    takesAnswers: false,
    labels: 'a list of class numbers for each sample',
    fits: label => typeof label !== 'number',
    isCorrect: (values, [, steps, classes], sample, label) => {
      const counts = (code: number) => !ignoreClasses.includes(code);
      const decoded = decodeCtc(values, sample * steps! * classes!, steps!, classes!).filter(counts);
      const expected = Array.from(label as ArrayLike<number>).filter(counts);
      return decoded.length === expected.length && decoded.every((code, i) => code === expected[i]);
    },
  }),
} as const satisfies Record<string, (options: MetricOptions) => Metric>;

export type MetricName = keyof typeof metrics;

/**
 * The metric that fits: a class, also a list of one where the model gives no sequences, is judged by top-1, a sequence by its CTC decoding.
 *
 * @throws `config-invalid` for lists, such as one-hot rows, where the model gives no sequences
 */
export function metricFor(label: Label, outputs: Readonly<Record<string, Tensor>>): MetricName {
  if (typeof label === 'number') return 'top-1';
  if (Object.values(outputs).some(({ dtype, dims }) => dtype === 'float32' && dims.length === metrics.ctc({}).rank)) return 'ctc';
  if (label.length === 1) return 'top-1';
  throw new QuantpipeError('config-invalid', `the labels are lists of ${label.length} numbers, and the model gives one row for each sample, ${shapesOf(outputs)}: give class numbers (of one-hot rows, where the 1 stands), or compare without labels (--no-label)`);
}

function shapesOf(outputs: Readonly<Record<string, Tensor>>): string {
  return Object.entries(outputs).map(([name, { dims }]) => `'${name}' [${dims.join(', ')}]`).join(', ');
}

/** The best class of every step, repeats collapsed, blanks dropped. */
function decodeCtc(values: Float32Array, start: number, steps: number, classes: number): number[] {
  const decoded: number[] = [];
  let previous = BLANK;
  for (let step = 0; step < steps; step++) {
    const best = argmax(values, start + step * classes, start + (step + 1) * classes);
    if (best !== BLANK && best !== previous) decoded.push(best);
    previous = best;
  }
  return decoded;
}

/** Counts right samples of one model over batches. */
export class Score {
  readonly #metric: Metric;
  readonly #name: MetricName;
  #correct = 0;
  #total = 0;
  #outside: OutsideLabels | null = null;

  constructor(name: MetricName, options: MetricOptions) {
    this.#name = name;
    this.#metric = metrics[name](options);
  }

  /** Judge a batch: `labels` has one entry per sample of the first output of the metric's rank. */
  add(outputs: Readonly<Record<string, Tensor>>, labels: readonly Label[]): void {
    const [name, output] = Object.entries(outputs).find(([, { dtype, dims }]) => dtype === 'float32' && dims.length === this.#metric.rank) ?? [];
    const answers = name === undefined && this.#metric.takesAnswers ? Object.values(outputs).find(output => holdsAnswers(output) && elementCount(output.dims) === labels.length) : undefined;
    if (answers !== undefined) return this.#addAnswers(answers, labels);
    if (name === undefined || output === undefined) {
      throw new QuantpipeError('config-invalid', `the metric '${this.#name}' reads an output of rank ${this.#metric.rank}; the model gives ${shapesOf(outputs)}`);
    }
    this.#checkForm(labels);
    if (output.dims[0] !== labels.length) throw new QuantpipeError('config-invalid', `the metric '${this.#name}' reads output '${name}' as a row for each sample; its shape is [${output.dims.join(', ')}], and there are ${labels.length} labels: compare without labels (--no-label)`, { output: name });
    this.#countOutside(output.dims.at(-1)!, labels);
    const values = floats(output);
    this.#total += labels.length;
    labels.forEach((label, sample) => { if (this.#metric.isCorrect(values, output.dims, sample, label)) this.#correct++; });
  }

  #addAnswers({ data }: Tensor, labels: readonly Label[]): void {
    this.#checkForm(labels);
    this.#total += labels.length;
    labels.forEach((label, sample) => { if (Number(data[sample]) === Number(label)) this.#correct++; });
  }

  #checkForm(labels: readonly Label[]): void {
    const odd = labels.find(label => !this.#metric.fits(label));
    if (odd !== undefined) {
      const found = typeof odd === 'number' ? `the class number ${odd}` : `a list of ${odd.length} class numbers`;
      throw new QuantpipeError('config-invalid', `the metric '${this.#name}' judges by ${this.#metric.labels}, and the labels hold ${found}: name another metric (--metric ${Object.keys(metrics).filter(other => other !== this.#name).join(', ')}), or compare without labels (--no-label)`);
    }
  }

  #countOutside(classes: number, labels: readonly Label[]): void {
    for (const label of labels) {
      const first = (typeof label === 'number' ? [label] : Array.from(label)).map(Number).find(code => !(code >= 0 && code < classes));
      if (first !== undefined) this.#outside = { first, classes, ...this.#outside, count: (this.#outside?.count ?? 0) + 1 };
    }
  }

  /** Samples whose label no output can be; null where there are none. */
  get outside(): OutsideLabels | null {
    return this.#outside;
  }

  /** Share of right samples, 0…1. */
  get result(): number {
    return this.#correct / this.#total;
  }
}
