import { QuantpipeError } from '../base/errors.ts';
import { float32Values } from '../base/half.ts';
import { float32Tensor, type Tensor } from '../base/tensor.ts';
import { sessionInputs } from '../calibrate/plan.ts';
import { type Binding, type Block, BlockFeeds, labels } from '../data/index.ts';
import type { Engine, Feeds, Session, SessionOptions } from '../engine/index.ts';
import type { Model } from '../graph/graph.ts';
import { AnswerCount, type Answers, holdsAnswers } from './answers.ts';
import { type Closeness, Comparison } from './compare.ts';
import { type Label, type MetricName, metricFor, type MetricOptions, type OutsideLabels, Score } from './metrics.ts';
import { openSession } from './open-session.ts';

/** The forms of one model that are compared. 'unfused' is the exported model run as it stands, as the simulated one is. */
export type FormName = 'float' | 'simulated' | 'exported' | 'unfused';

/** `float` is the reference; the others may be left out. Where there is an exported model, it is run unfused too. */
export type Forms = { readonly float: Model } & { readonly [name in Exclude<FormName, 'unfused'>]?: Model };

export interface EvaluateOptions extends MetricOptions {
  readonly engine: Engine;
  /** Column of the labels, which must be there; null where none are to be used. Default 'label', where the data has it. */
  readonly label?: string | null;
  /** One step of each quantized output, in real units: the exported model is compared with the simulation in such steps too. */
  readonly deltas?: ReadonlyMap<string, number>;
  /** How to judge labelled samples. Default: what fits the labels. */
  readonly metric?: MetricName;
  /** Told of every run, with the number of samples so far. */
  readonly onSamples?: (samples: number) => void;
}

/** How close one form is to another, by graph output. */
export interface Pair {
  readonly of: FormName;
  readonly to: FormName;
  readonly outputs: Readonly<Record<string, Closeness>>;
  /** Outputs of integers and booleans. */
  readonly answers: Readonly<Record<string, Answers>>;
}

/** What {@link evaluate} finds. */
export interface Evaluation {
  readonly samples: number;
  /** What `accuracy` counts; null where the data has no labels. */
  readonly metric: MetricName | null;
  /** Share of right samples, 0…1, of every form; empty where the data has no labels. */
  readonly accuracy: Readonly<Partial<Record<FormName, number>>>;
  readonly pairs: readonly Pair[];
  /** What the user should know: one sentence each. */
  readonly warnings: readonly string[];
}

/** Fusing may move the distance of the exported model from float by so many decibels before it is worth a warning. */
const FUSION_LOSS = 0.5;
/** Decibels above which outputs differ by the rounding of float32 only, and by how much says nothing. */
const FLOAT_NOISE = 110;

/** How each form is run: the simulation as it stands, the others as a user's engine would run them. */
const sessionOptions: Readonly<Record<FormName, SessionOptions>> = { float: {}, simulated: { fuseQuantized: false }, exported: {}, unfused: { fuseQuantized: false } };

const comparisons: readonly (readonly [of: FormName, to: FormName])[] = [['simulated', 'float'], ['exported', 'float'], ['exported', 'simulated'], ['unfused', 'float']];

/**
 * Run the forms of a model over the same data and compare what they give: with the labels, and with each other. Outputs are
 * summed up batch by batch and dropped.
 */
export async function evaluate(forms: Forms, blocks: AsyncIterable<Block>, bindings: readonly Binding[], options: EvaluateOptions): Promise<Evaluation> {
  const sessions = await openForms(forms, options.engine);
  const inputs = sessionInputs(forms.float);
  const tally = new Tally([...sessions.keys()], options);
  let samples = 0;
  try {
    for await (const { bytes } of blocks) {
      const expected = labelsOf(bytes, options);
      let first = 0;
      for (const { rows, feeds: batch } of new BlockFeeds(bytes, inputs, bindings)) {
        tally.add(await runAll(sessions, batch), rows, expected?.slice(first, first + rows) ?? null);
        first += rows;
        options.onSamples?.(samples += rows);
      }
    }
  } finally {
    await closeAll(sessions);
  }
  return tally.result;
}

async function openForms(forms: Forms, engine: Engine): Promise<Map<FormName, Session>> {
  const sessions = new Map<FormName, Session>();
  try {
    for (const name of Object.keys(sessionOptions) as FormName[]) {
      const model = name === 'unfused' ? forms.exported : forms[name];
      if (model === undefined) continue;
      sessions.set(name, await openSession(engine, model, sessionOptions[name]).catch(error => { throw ofForm(name, error); }));
    }
  } catch (error) {
    await closeAll(sessions);
    throw error;
  }
  return sessions;
}

async function closeAll(sessions: ReadonlyMap<FormName, Session>): Promise<void> {
  await Promise.all([...sessions.values()].map(session => session.close()));
}

type Outputs = Readonly<Record<string, Tensor>>;

async function runAll(sessions: ReadonlyMap<FormName, Session>, batch: Feeds): Promise<Map<FormName, Outputs>> {
  const outputs = new Map<FormName, Outputs>();
  for (const [name, session] of sessions) outputs.set(name, inFloat32(await session.run(batch).catch(error => { throw ofForm(name, error); })));
  return outputs;
}

function ofForm(name: FormName, error: unknown): unknown {
  return error instanceof QuantpipeError ? new QuantpipeError(error.code, `the ${name} model: ${error.message}`, error.context, { cause: error.cause }) : error;
}

/** Half and double outputs are compared and scored as float32. */
function inFloat32(outputs: Outputs): Outputs {
  return Object.fromEntries(Object.entries(outputs).map(([name, output]) => {
    const values = float32Values(output);
    return [name, values === null ? output : float32Tensor(output.dims, values)];
  }));
}

/** The labels of a block as classes or sequences of classes; null where it has none and none were asked for. */
function labelsOf(bytes: ArrayBuffer, { label, metric }: EvaluateOptions): readonly Label[] | null {
  if (label === null) {
    if (metric === undefined) return null;
    throw new QuantpipeError('config-invalid', `the metric '${metric}' judges by labels, and none are to be used`);
  }
  const column = label ?? 'label';
  const found = labels(bytes, column);
  if (found === null && (label !== undefined || metric !== undefined)) {
    throw new QuantpipeError('data-invalid', `the data has no column '${column}'${metric === undefined ? '' : `, and the metric '${metric}' judges by labels`}; name theirs with --label`, { column });
  }
  if (found?.kind === 'texts') {
    throw new QuantpipeError('data-invalid', `column '${column}' holds texts; no metric reads them: give the class numbers, or compare without labels`, { column });
  }
  return found?.values ?? null;
}

/** Sums over batches: scores against labels, and comparisons of forms. */
class Tally {
  readonly #options: EvaluateOptions;
  readonly #forms: readonly FormName[];
  readonly #pairs: readonly { readonly of: FormName; readonly to: FormName; readonly outputs: Map<string, Comparison>; readonly answers: Map<string, AnswerCount> }[];
  readonly #scores = new Map<FormName, Score>();
  #metric: MetricName | null = null;
  #samples = 0;

  constructor(forms: readonly FormName[], options: EvaluateOptions) {
    this.#forms = forms;
    this.#options = options;
    this.#pairs = comparisons.filter(pair => pair.every(name => forms.includes(name))).map(([of, to]) => ({ of, to, outputs: new Map(), answers: new Map() }));
  }

  add(results: ReadonlyMap<FormName, Outputs>, rows: number, expected: readonly Label[] | null): void {
    this.#samples += rows;
    for (const { of, to, outputs, answers } of this.#pairs) {
      const deltas = to === 'simulated' ? this.#options.deltas : undefined;
      compareOutputs(outputs, results.get(to)!, results.get(of)!, deltas);
      compareAnswers(answers, results.get(to)!, results.get(of)!);
    }
    if (expected === null || expected.length === 0) return;
    if (this.#metric === null) this.#startScoring(expected[0]!, results.get('float')!);
    for (const [name, score] of this.#scores) score.add(results.get(name)!, expected);
  }

  #startScoring(label: Label, outputs: Outputs): void {
    this.#metric = this.#options.metric ?? metricFor(label, outputs);
    for (const name of this.#forms) if (name !== 'unfused') this.#scores.set(name, new Score(this.#metric, this.#options));
  }

  get result(): Evaluation {
    const pairs = this.#pairs.map(({ of, to, outputs, answers }) => ({
      of, to, outputs: Object.fromEntries([...outputs].map(([name, { result }]) => [name, result])), answers: Object.fromEntries([...answers].map(([name, { result }]) => [name, result])),
    }));
    return {
      samples: this.#samples,
      metric: this.#metric,
      accuracy: Object.fromEntries([...this.#scores].map(([name, score]) => [name, score.result])),
      pairs: pairs.filter(({ of, to }) => of !== 'unfused' && to !== 'unfused'),
      warnings: [...labelWarnings(this.#scores.get('float')?.outside ?? null), ...fusionWarnings(pairs)],
    };
  }
}

/** Labels that nothing can match lower the accuracy of every form. */
function labelWarnings(outside: OutsideLabels | null): string[] {
  if (outside === null) return [];
  const { count, first, classes } = outside;
  return [`${count} ${count === 1 ? 'sample has a label' : 'samples have labels'} that no output of the model is, such as ${first} (its classes are 0 to ${classes - 1}): ${count === 1 ? 'it counts' : 'they count'} as wrong`];
}

/** Where an output of the exported model is another distance from float as the engine fuses it than as it stands, or is no number where it was one. */
export function fusionWarnings(pairs: readonly Pick<Pair, 'of' | 'to' | 'outputs'>[]): string[] {
  const outputs = (name: FormName) => pairs.find(({ of, to }) => of === name && to === 'float')?.outputs ?? {};
  const [fused, unfused] = [outputs('exported'), outputs('unfused')];
  return Object.entries(unfused).flatMap(([name, { sqnr, nonFinite }]) => {
    const by = fused[name]!;
    const output = `output '${name}' of the exported model`;
    if (by.nonFinite !== nonFinite) return [`${output} has ${by.nonFinite} values that are NaN or infinite, there or in float, as this engine fuses it, and ${nonFinite} as it stands: the engine's integer kernels compute otherwise`];
    if (Math.abs(sqnr - by.sqnr) <= FUSION_LOSS || Object.is(sqnr, by.sqnr) || Math.min(sqnr, by.sqnr) > FLOAT_NOISE) return [];
    return [`${output} is ${by.sqnr.toFixed(1)} dB from float as this engine fuses it, and ${sqnr.toFixed(1)} dB as it stands: the engine's integer kernels compute otherwise`];
  });
}

/** Compare the float outputs that both forms have under one name. */
function compareOutputs(comparisons: Map<string, Comparison>, reference: Outputs, other: Outputs, deltas?: ReadonlyMap<string, number>): void {
  for (const [name, expected] of Object.entries(reference)) {
    const actual = other[name];
    if (expected.dtype !== 'float32' || actual === undefined) continue;
    if (String(expected.dims) !== String(actual.dims)) {
      throw new QuantpipeError('config-invalid', `output '${name}' has shape [${expected.dims.join(', ')}] in one model and [${actual.dims.join(', ')}] in the other`);
    }
    const comparison = comparisons.get(name) ?? new Comparison(deltas?.get(name) ?? null);
    comparison.add(expected, actual);
    comparisons.set(name, comparison);
  }
}

/** The same for outputs of integers and booleans. */
function compareAnswers(counts: Map<string, AnswerCount>, reference: Outputs, other: Outputs): void {
  for (const [name, expected] of Object.entries(reference)) {
    const actual = other[name];
    if (actual === undefined || !holdsAnswers(expected)) continue;
    const count = counts.get(name) ?? new AnswerCount();
    count.add(expected, actual);
    counts.set(name, count);
  }
}
