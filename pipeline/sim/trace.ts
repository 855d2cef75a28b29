import type { EncodingTable, Placement } from '../config/placement.ts';
import { type Binding, type Block, BlockFeeds } from '../data/index.ts';
import type { Engine, Session, SessionOptions } from '../engine/index.ts';
import { dequantizedNames } from '../export/index.ts';
import { cloneModel } from '../graph/clone.ts';
import type { Model } from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { tapOutputs } from '../passes/tap-outputs.ts';
import { floats } from './compare.ts';
import { openSession } from './open-session.ts';
import { type Step, StepCounts } from './step-counts.ts';

/** Samples that a trace looks at, unless it is told otherwise: all tensors of a batch are in memory at once, twice. */
export const TRACED_SAMPLES = 4;

/** One quantized tensor, as the simulated and the exported model compute it. */
export interface TracedTensor {
  readonly tensor: string;
  /** The node that computes it; null for a graph input. */
  readonly node: string | null;
  readonly opType: string | null;
  /** One step of its encoding, in real units; or the floating-point format that it is kept in, whose steps are from one value to the next. */
  readonly step: Step;
  /** Entry n: elements off by n steps; the last entry: by that many or more. */
  readonly offBy: readonly number[];
}

/** What a trace finds. */
export interface Trace {
  /** In the order of the graph. */
  readonly tensors: readonly TracedTensor[];
  /** Quantized activations that one of the two models does not have under a name known here: nothing is said of them. */
  readonly notCompared: readonly string[];
}

/** One model in three forms: the prepared one, which has the nodes' names, and those that are compared. */
export interface TracedForms {
  readonly float: Model;
  readonly simulated: Model;
  readonly exported: Model;
}

export interface TraceOptions {
  readonly engine: Engine;
  readonly placement: Placement;
  readonly encodings: EncodingTable;
}

interface Compared {
  readonly tensor: string;
  /** What the tensor is called, quantized, in either model. */
  readonly simulated: string;
  readonly exported: string;
  readonly counts: StepCounts;
}

/**
 * Run simulation and exported model side by side and compare every quantized activation, in the order of the graph: the first that is
 * off by a step or more is where the two part. The exported model runs with the engine's fusions on.
 *
 * @param blocks few and small ones: all tensors are in memory at once
 */
export async function trace(forms: TracedForms, blocks: AsyncIterable<Block>, bindings: readonly Binding[], options: TraceOptions): Promise<Trace> {
  const compared = comparedTensors(forms, options);
  const sessions: Session[] = [];
  try {
    sessions.push(await tapped(options.engine, forms.simulated, compared.map(names => names.simulated), SIMULATED));
    sessions.push(await tapped(options.engine, forms.exported, compared.map(names => names.exported), {}));
    const [simulated, exported] = sessions as [Session, Session];
    for await (const { bytes } of blocks) {
      for (const { feeds: batch } of new BlockFeeds(bytes, simulated.inputs, bindings)) {
        const [a, b] = [await simulated.run(batch), await exported.run(batch)];
        for (const names of compared) names.counts.add(floats(a[names.simulated]!), floats(b[names.exported]!));
      }
    }
  } finally {
    await Promise.all(sessions.map(session => session.close()));
  }
  const found = new Set(compared.map(({ tensor }) => tensor));
  return {
    tensors: compared.map(({ tensor, counts }) => ({ tensor, ...producerOf(forms.float, tensor), step: counts.step, offBy: counts.counts })),
    notCompared: readActivations(forms.float, options.placement).filter(tensor => !found.has(tensor)),
  };
}

/** The quantized activations that something reads, on grids and in floating-point formats. */
function readActivations(float: Model, placement: Placement): string[] {
  return inGraphOrder(float, placement).filter(tensor => {
    const value = float.graph.values.get(tensor);
    return value !== undefined && value.initializer === null && (value.uses.length > 0 || float.graph.outputs.includes(value));
  });
}

/** Tensors with a quantizer in the order in which they are computed. */
function inGraphOrder({ graph }: Model, { quantizers, floats }: Placement): string[] {
  const position = new Map(graph.nodes.map((node, index) => [node, index]));
  const positionOf = (tensor: string) => position.get(graph.values.get(tensor)?.producer as Node) ?? -1;
  return [...quantizers, ...floats].map(({ tensor }) => tensor).toSorted((a, b) => positionOf(a) - positionOf(b));
}

function comparedTensors({ float, simulated, exported }: TracedForms, { placement, encodings }: TraceOptions): Compared[] {
  const formats = new Map(placement.floats.map(({ tensor, format }) => [tensor, format]));
  return inGraphOrder(float, placement).flatMap(tensor => {
    const names = [seenAs(simulated, tensor), seenAs(exported, tensor)];
    if (names[0] == null || names[1] == null) return [];
    return { tensor, simulated: names[0], exported: names[1], counts: new StepCounts(formats.get(tensor) ?? encodings.get(tensor)![0]!.delta) };
  });
}

/** The value that readers of a quantized activation see; null where a model has none: a constant, or a tensor nobody reads. */
function seenAs({ graph }: Model, tensor: string): string | null {
  const inside = dequantizedNames(tensor).find(name => graph.values.has(name));
  if (inside !== undefined) return inside;
  return graph.outputs.some(({ name }) => name === tensor) ? tensor : null;
}

/**
 * ONNX Runtime's 'extended' level, told to leave QuantizeLinear pairs alone, loses graph outputs that stand between a Reshape and a
 * DequantizeLinear (1.30: the web build reads no tensor, the native one ends the process).
 */
const SIMULATED: SessionOptions = { fuseQuantized: false, optimize: 'basic' };

async function tapped(engine: Engine, model: Model, names: readonly string[], options: SessionOptions): Promise<Session> {
  const copy = cloneModel(model);
  tapOutputs(names, { keepOutputs: true })(copy);
  return openSession(engine, copy, options);
}

function producerOf({ graph }: Model, tensor: string): { node: string | null; opType: string | null } {
  const producer = graph.values.get(tensor)?.producer ?? null;
  return { node: producer?.label ?? null, opType: producer?.opType ?? null };
}
