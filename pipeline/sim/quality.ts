import type { EncodingTable, Placement, Quantizer } from '../config/placement.ts';
import type { Graph } from '../graph/graph.ts';
import type { Kernels } from '../kernels/index.ts';
import { groupStatistics } from '../observers/merge.ts';
import { signalPower } from '../observers/signal-power.ts';
import type { Statistics } from '../observers/statistics.ts';
import type { Encoding } from '../quant/encoding.ts';
import { splitOf, valuesByEncoding } from '../quant/granularity.ts';
import { steps } from '../quant/grid.ts';

/** How much of a tensor's signal its encoding keeps. */
export interface QuantizerQuality {
  readonly tensor: string;
  readonly role: Quantizer['role'];
  readonly bitwidth: number;
  /** Ends of the encoding; the widest ones where there is one per channel. */
  readonly min: number;
  readonly max: number;
  /** Signal to quantization noise, in decibels: 10 log10(Σx² / Σ(x - fakeQuant(x))²). Infinity where nothing is lost. */
  readonly sqnr: number;
}

/**
 * The quality of every encoding that was searched, one row a group: from the statistics for activations, from the values for
 * constants. It is the noise of this one quantizer, not what it does to the model's output.
 */
export function encodingQuality(graph: Graph, { quantizers }: Placement, encodings: EncodingTable, statistics: Statistics, kernels: Kernels): QuantizerQuality[] {
  return quantizers.filter(({ tensor, group }) => tensor === group).map(quantizer => {
    const fitted = encodings.get(quantizer.tensor)!;
    const [signal, noise] = quantizer.observed.length > 0
      ? observedPower(quantizer, fitted[0]!, statistics, kernels)
      : constantPower(graph, quantizer, fitted, kernels);
    return {
      tensor: quantizer.tensor, role: quantizer.role, bitwidth: quantizer.grid.bitwidth,
      min: fitted.reduce((least, { min }) => Math.min(least, min), Infinity), max: fitted.reduce((most, { max }) => Math.max(most, max), -Infinity),
      sqnr: noise > 0 ? 10 * Math.log10(signal / noise) : Infinity,
    };
  });
}

function observedPower({ observed }: Quantizer, encoding: Encoding, statistics: Statistics, kernels: Kernels): [signal: number, noise: number] {
  const seen = groupStatistics(kernels, statistics, observed);
  return [signalPower(seen), kernels.roundingError(seen, { ...encoding, steps: steps(encoding.grid) }, 1) ?? 0];
}

function constantPower(graph: Graph, { tensor, granularity }: Quantizer, fitted: readonly Encoding[], kernels: Kernels): [signal: number, noise: number] {
  const { dims, data } = graph.values.get(tensor)!.initializer!.read();
  let [signal, noise] = [0, 0];
  valuesByEncoding(data as Float32Array, splitOf(dims, granularity)).forEach((values, i) => {
    const { delta, offset, grid } = fitted[i]!;
    for (let i = 0; i < values.length; i++) signal += values[i]! * values[i]!;
    noise += kernels.roundingError(values, { delta, offset, steps: steps(grid) }, 1) ?? 0;
  });
  return [signal, noise];
}
