import { QuantpipeError } from '../../pipeline/base/errors.ts';
import type { Tensor } from '../../pipeline/base/tensor.ts';
import { loadConfig, placeQuantizers } from '../../pipeline/index.ts';
import { openEngine, type Feeds } from '../../pipeline/engine/index.ts';
import { cloneModel } from '../../pipeline/graph/clone.ts';
import type { Graph, Model } from '../../pipeline/graph/graph.ts';
import { readModel } from '../../pipeline/onnx/read-model.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { constantsToInitializers } from '../../pipeline/passes/constants-to-initializers.ts';
import { inferTypes } from '../../pipeline/passes/infer-types.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { raiseOpset } from '../../pipeline/passes/raise-opset.ts';
import { difference } from './compare.ts';
import type { TestModel } from './models.ts';
import { failed, type Outcome, passed } from './tally.ts';

/** A rewritten model may sum in another order. Relative to the largest value of a tensor. */
const TOLERANCE = 1e-5;
/** Half floats have 10 bits after the leading one. */
const HALF_TOLERANCE = 2e-3;
/** Published outputs were computed by other programs. */
const PUBLISHED_TOLERANCE = 1e-4;

const engine = await openEngine('native');
const config = loadConfig('per-channel');

/** What a model computes as it stands. */
export interface Baseline {
  readonly feeds: Feeds;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** Why the engine does not run a model as it is. */
export interface Refusal {
  readonly reason: string;
  /** Whether it knows the operators, and only has no kernel for one in its version. */
  readonly isKernelMissing: boolean;
}

/** Null where there is nothing to check. */
type Check = (model: TestModel, baseline: Baseline) => Promise<Outcome | null>;

/** The checks of each model that the engine runs. */
export const checks: Readonly<Record<string, Check>> = {
  'read and written': ({ bytes }, { feeds, outputs }) => compared(writeModel(readModel(bytes)), feeds, outputs, 0),
  'raised to 13': (model, baseline) => raised(model, baseline, 13),
  'raised to 21': (model, baseline) => raised(model, baseline, 21),
  'inspected': async (model, { feeds, outputs }) => {
    const prepared = prepareOrNull(readModel(model.bytes));
    if (prepared === null) return passed;
    placeQuantizers(prepared, config);
    return compared(writeModel(prepared), feeds, outputs, toleranceOf(prepared));
  },
};

/** Run the model as it stands, twice: what is random cannot be compared. */
export async function baselineOf(model: TestModel): Promise<Baseline | Refusal> {
  const { graph } = readModel(model.bytes);
  const { bytes, inputs } = model;
  if (inputs.includes('not a tensor')) return refusal(`the engine's JavaScript interface feeds no sequences, optionals, or elements of such types`);
  const feeds = feedsOf(model, graph);
  try {
    const outputs = await run(bytes, feeds);
    if (difference(await run(bytes, feeds), outputs, 0) !== null) return refusal('it is random: the engine gives other numbers at each run');
    return { feeds, outputs };
  } catch (error) {
    if (!(error instanceof QuantpipeError)) throw error;
    const missing = missingKernel(error);
    return missing === null ? refusal(reasonOf(error.message)) : { reason: missing, isKernelMissing: true };
  }
}

/** The checks of a model that the engine has no kernels for in its own version: raised, it computes what ONNX says it does. */
export const publishedChecks: Readonly<Record<string, (model: TestModel) => Promise<Outcome | null>>> = Object.fromEntries([13, 21].map(to => [
  `raised to ${to}, as published`,
  async (model: TestModel) => {
    const { graph } = readModel(model.bytes);
    const outputs = Object.fromEntries(graph.outputs.map(({ name }, i) => [name, model.outputs[i] as Tensor]));
    try {
      return await raised(model, { feeds: feedsOf(model, graph), outputs }, to, PUBLISHED_TOLERANCE);
    } catch (error) {
      if (missingKernel(error) === null) throw error;
      return null; // the version that it was raised to has no kernel either; the model is counted as one that does not run
    }
  },
]));

function feedsOf({ inputs }: TestModel, graph: Graph): Feeds {
  return Object.fromEntries(graph.inputs.slice(0, inputs.length).map(({ name }, i) => [name, inputs[i] as Tensor]));
}

async function raised({ bytes }: TestModel, { feeds, outputs }: Baseline, to: number, tolerance: number | null = null): Promise<Outcome | null> {
  const model = readModel(bytes);
  if ((model.opsets.get('') ?? to) >= to) return null;
  constantsToInitializers(model);
  inferTypes(model);
  raiseOpset(to)(model);
  return compared(writeModel(model), feeds, outputs, tolerance ?? toleranceOf(model));
}

async function compared(bytes: Uint8Array, feeds: Feeds, expected: Baseline['outputs'], tolerance: number): Promise<Outcome> {
  const why = difference(await run(bytes, feeds), expected, tolerance);
  return why === null ? passed : failed(why);
}

function toleranceOf({ graph }: Model): number {
  return [...graph.values.values()].some(({ type }) => type?.dtype === 'float16') ? HALF_TOLERANCE : TOLERANCE;
}

/** The prepared model; null where it is refused because it holds quantized operators, as it must be. */
function prepareOrNull(model: Model): Model | null {
  try {
    return prepareModel(cloneModel(model)).model;
  } catch (error) {
    if (error instanceof QuantpipeError && error.code === 'model-quantized') return null;
    throw error;
  }
}

async function run(bytes: Uint8Array, feeds: Feeds): Promise<Record<string, Tensor>> {
  const session = await engine.load(bytes, { optimize: 'disabled' });
  try {
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

const refusal = (reason: string): Refusal => ({ reason, isKernelMissing: false });

/** The operator, and its version, that the engine has no kernel for; null where it said something else. */
function missingKernel(error: unknown): string | null {
  const missing = error instanceof QuantpipeError ? /Could not find an implementation for (\S+) node|Fatal error: (\S+)\(-1\) is not a registered/.exec(error.message) : null;
  return missing && `the engine has no implementation of ${missing[1] ?? missing[2]!}`;
}

/** What the engine said, in few words, so that equal causes count together. */
function reasonOf(message: string): string {
  if (message.includes('Failed to construct locale')) return 'the engine needs the locale en_US.UTF-8, which is not installed here';
  if (message.includes('layout_ == 0 was false')) return 'the engine has no batchwise recurrent operators (layout = 1)';
  if (message.includes('Non tensor type')) return `the engine's JavaScript interface carries no sequences and optionals`;
  if (message.includes('Unsupported data type: 16')) return `the engine's JavaScript interface carries no bfloat16`;
  return message;
}
