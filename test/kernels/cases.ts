import type { Kernels } from '../../pipeline/kernels/kernels.ts';
import type { AffineMap } from '../../pipeline/kernels/quantize.ts';
import { histogramOracle } from '../oracles/histogram.ts';
import { minMaxChannelsOracle, minMaxOracle } from '../oracles/min-max.ts';
import { fakeQuantOracle, fakeQuantWideOracle, type OracleMap, quantizeOracle } from '../oracles/quantize.ts';
import { searchCases } from './search-cases.ts';

/** A kernel as a function of a list of values alone, and the slow twin that judges it. */
export interface KernelCase {
  readonly name: string;
  /** Values that one unrolled step of the kernel consumes. */
  readonly step: number;
  /** Relative; 0 asks for the same bits. */
  readonly tolerance: number;
  readonly kernel: (kernels: Kernels, values: Float32Array) => Float32Array;
  readonly oracle: (values: Float32Array) => Float32Array;
}

const emptyRange = () => Float32Array.of(Infinity, -Infinity);

/** 5 bits around zero: small enough that values saturate at both ends. */
const map: AffineMap = { delta: 0.1, offset: -12, steps: 31 };
const oracleMap: OracleMap = { scale: 0.1, zeroPoint: 12, lowest: 0, highest: 31 };
const signedMap: OracleMap = { scale: 0.1, zeroPoint: -4, lowest: -16, highest: 15 };

/** 24 bits, whose ends lie within the values; in float32 a quotient would be wrong by half a step. */
const wideMap: AffineMap = { delta: 3.7 / 2 ** 23, offset: -(2 ** 23), steps: 2 ** 24 - 1 };
const wideOracleMap: OracleMap = { scale: wideMap.delta, zeroPoint: 2 ** 23, lowest: 0, highest: 2 ** 24 - 1 };

/** Three channels whose values alternate, with maps that differ. */
const channels = 3;
const channelMaps = [map, { delta: 0.03, offset: 0, steps: 255 }, { delta: 1 / 3, offset: -7, steps: 14 }];
const channelOracleMaps = [oracleMap, { scale: 0.03, zeroPoint: 0, lowest: 0, highest: 255 }, { scale: 1 / 3, zeroPoint: 7, lowest: 0, highest: 14 }];

/** As many whole rows of channels as there are. */
const wholeRows = (values: Float32Array) => values.subarray(0, values.length - values.length % channels);
const rowLayout = (values: Float32Array) => ({ outer: values.length / channels, channels, inner: 1 });
const floatsOf = (numbers: Iterable<number>) => Float32Array.from(numbers);

export const kernelCases: readonly KernelCase[] = [
  {
    name: 'min-max', step: 16, tolerance: 0,
    kernel: (kernels, values) => { const range = emptyRange(); kernels.minMax(values, range); return range; },
    oracle: values => { const range = emptyRange(); minMaxOracle(values, range); return range; },
  },
  {
    name: 'min-max-channels, a value each', step: 1, tolerance: 0,
    kernel: (kernels, values) => {
      const mins = new Float32Array(values.length).fill(Infinity), maxs = new Float32Array(values.length).fill(-Infinity);
      kernels.minMaxChannels(values, { outer: 1, channels: values.length, inner: 1 }, mins, maxs);
      return floatsOf([...mins, ...maxs]);
    },
    oracle: values => minMaxChannelsOracle(values, { channels: values.length, inner: 1 }),
  },
  {
    name: 'histogram', step: 16, tolerance: 0,
    kernel: (kernels, values) => { const { bins, counts } = kernels.observe(values); return floatsOf([...bins, ...Array.from(counts, Number)]); },
    oracle: values => { const { bins, counts } = histogramOracle(values); return floatsOf([...bins, ...Array.from(counts, Number)]); },
  },
  {
    name: 'fake-quant', step: 16, tolerance: 0,
    kernel: (kernels, values) => { const out = new Float32Array(values.length); kernels.fakeQuant(values, out, map); return out; },
    oracle: values => values.map(x => fakeQuantOracle(x, oracleMap)),
  },
  {
    name: 'fake-quant-wide', step: 2, tolerance: 0,
    kernel: (kernels, values) => { const out = new Float32Array(values.length); kernels.fakeQuant(values, out, wideMap); return out; },
    oracle: values => values.map(x => fakeQuantWideOracle(x, wideOracleMap)),
  },
  {
    name: 'fake-quant-channels, a value each', step: 4, tolerance: 0,
    kernel: (kernels, values) => {
      const out = wholeRows(values).slice();
      kernels.fakeQuantChannels(out, out, rowLayout(out), channelMaps);
      return out;
    },
    oracle: values => wholeRows(values).map((x, i) => fakeQuantOracle(x, channelOracleMaps[i % channels]!)),
  },
  {
    name: 'quantize to uint8', step: 16, tolerance: 0,
    kernel: (kernels, values) => { const codes = new Uint8Array(values.length); kernels.quantize(values, codes, map, 0); return floatsOf(codes); },
    oracle: values => values.map(x => quantizeOracle(x, oracleMap)),
  },
  {
    name: 'quantize to int8', step: 16, tolerance: 0,
    kernel: (kernels, values) => { const codes = new Int8Array(values.length); kernels.quantize(values, codes, map, -16); return floatsOf(codes); },
    oracle: values => values.map(x => quantizeOracle(x, signedMap)),
  },
  {
    name: 'quantize to int16', step: 8, tolerance: 0,
    kernel: (kernels, values) => { const codes = new Int16Array(values.length); kernels.quantize(values, codes, map, -16); return floatsOf(codes); },
    oracle: values => values.map(x => quantizeOracle(x, signedMap)),
  },
  {
    name: 'quantize-channels, a value each', step: 1, tolerance: 0,
    kernel: (kernels, values) => {
      const rows = wholeRows(values), codes = new Uint8Array(rows.length);
      kernels.quantizeChannels(rows, codes, rowLayout(rows), channelMaps, 0);
      return floatsOf(codes);
    },
    oracle: values => wholeRows(values).map((x, i) => quantizeOracle(x, channelOracleMaps[i % channels]!)),
  },
  ...searchCases,
];
