import { check } from '../base/check.ts';
import type { Model } from '../graph/graph.ts';
import type { Value } from '../graph/node.ts';
import type { Pass, PassResult } from './pass.ts';
import { removeDeadNodes } from './remove-dead-nodes.ts';

/** Whether the model's own outputs are still computed; by default not, so that calibration need not read them. */
export interface TapOptions {
  readonly keepOutputs?: boolean;
}

/**
 * Make the values called `names` graph outputs, in this order, so that a session returns them for observing.
 *
 * 1. The model's own outputs come first with `keepOutputs`; without it they are dropped, and so is all that only they need.
 * 2. A value that is an output already is not listed twice.
 * 3. A value without a type is declared float32 of unknown shape. A graph input may be tapped, too: the engine hands it through.
 */
export function tapOutputs(names: readonly string[], { keepOutputs = false }: TapOptions = {}): Pass {
  return function tapOutputs(model): PassResult {
    const { graph } = model;
    const taps = names.map(name => named(model, name));
    const before = new Set(graph.outputs);
    const after = new Set(keepOutputs ? [...before, ...taps] : taps);
    const added = [...after].filter(value => !before.has(value));
    const dropped = [...before].filter(value => !after.has(value));
    for (const tap of taps) tap.type ??= { dtype: 'float32', shape: null };
    graph.outputs.splice(0, graph.outputs.length, ...after);
    const removed = keepOutputs ? 0 : removeDeadNodes(model).rewrites;
    return { rewrites: added.length + dropped.length + removed };
  };
}

function named({ graph }: Model, name: string): Value {
  const value = graph.values.get(name);
  check(value, `there is no value '${name}' to tap`);
  return value;
}
