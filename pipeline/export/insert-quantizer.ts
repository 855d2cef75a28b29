import type { Tensor } from '../base/tensor.ts';
import type { EncodingTable } from '../config/placement.ts';
import { check } from '../base/check.ts';
import { intAttribute } from '../graph/attribute.ts';
import { addInitializer, addValue, insertAfter, insertBefore, type NodeSpec, replaceUses, setInput, setOutput } from '../graph/edit.ts';
import type { Graph } from '../graph/graph.ts';
import type { Node, Value, ValueType } from '../graph/node.ts';
import { toAffine } from '../quant/affine.ts';
import type { Encoding } from '../quant/encoding.ts';
import { steps } from '../quant/grid.ts';
import { scaleOf, type Storage, type StoredType } from '../quant/stored.ts';

/** The encodings of a placed quantizer. */
export function encodingsOf(encodings: EncodingTable, tensor: string): readonly Encoding[] {
  const found = encodings.get(tensor);
  check(found !== undefined, `no encoding for '${tensor}'`);
  return found;
}

/** A tensor cut in two: what is computed, and what its readers see from now on. */
interface Cut {
  readonly name: string;
  readonly source: Value;
  readonly target: Value;
}

/** The operators between `source` and `target`, in order. Made by functions below, for one encoding or format. */
export type Chain = (graph: Graph, cut: Cut) => NodeSpec[];

export interface InsertOptions {
  /** One chain for every node that reads the tensor and for a graph output, instead of one for all. Default false. */
  readonly dedicated?: boolean;
}

/**
 * Put a quantizer on a tensor that a node computes or that feeds the graph: one for all its readers. A graph output keeps its
 * name (what is computed gets another one). Left alone: a tensor that nobody reads.
 */
export function insertChain(graph: Graph, value: Value, chain: Chain, { dedicated = false }: InsertOptions = {}): void {
  const isOutput = graph.outputs.includes(value);
  const readers = [...new Set(value.uses.filter(({ index }) => index >= 0).map(({ node }) => node))];
  if (isOutput ? value.producer === null : value.uses.length === 0) return;
  if (dedicated && readers.length + (isOutput ? 1 : 0) > 1) return insertDedicated(graph, value, readers, chain);
  insertCut(graph, isOutput ? cutOutput(graph, value) : cutInside(graph, value), chain);
}

/** {@link insertChain} for a tensor with encodings. Several are those of a constant that data movement changed: it lies on its grid already. */
export function insertQuantizer(graph: Graph, value: Value, encodings: readonly Encoding[], chainOf: (encoding: Encoding) => Chain, options: InsertOptions = {}): void {
  if (encodings.length === 1) insertChain(graph, value, chainOf(encodings[0]!), options);
}

function insertDedicated(graph: Graph, value: Value, readers: readonly Node[], chain: Chain): void {
  const cut = graph.outputs.includes(value) ? cutOutput(graph, value) : null;
  const source = cut?.source ?? value;
  for (const [i, reader] of readers.entries()) {
    const target = derived(graph, value, `dequantized_${i}`, value.type);
    for (const { index } of value.uses.filter(({ node, index }) => node === reader && index >= 0)) setInput(reader, index, target);
    insertCut(graph, { name: `${value.name}_${i}`, source, target }, chain);
  }
  if (cut !== null) insertCut(graph, cut, chain);
}

function insertCut(graph: Graph, cut: Cut, chain: Chain): void {
  let last: Node | null = cut.source.producer;
  const first = last === null ? firstReader(graph, cut.target) : null;
  for (const spec of chain(graph, cut)) {
    if (first !== null) insertBefore(graph, first, spec);
    else last = insertAfter(graph, last!, spec);
  }
}

function cutInside(graph: Graph, source: Value): Cut {
  const target = derived(graph, source, 'dequantized', source.type);
  replaceUses(source, target);
  return { name: source.name, source, target };
}

function cutOutput(graph: Graph, target: Value): Cut {
  const { producer } = target;
  check(producer !== null, `'${target.name}' is computed`);
  const source = derived(graph, target, 'float', target.type);
  setOutput(producer, producer.outputs.indexOf(target), source);
  return { name: target.name, source, target };
}

/** The first node in graph order that reads `value`. */
export function firstReader(graph: Graph, value: Value): Node {
  const readers = new Set(value.consumers);
  const first = graph.nodes.find(node => readers.has(node));
  check(first !== undefined, `'${value.name}' has a reader`);
  return first;
}

/** QuantizeLinear and DequantizeLinear, with a Clip before them where the stored type alone would not saturate at the ends of the grid. */
export function qdqChain(encoding: Encoding, storage: Storage): Chain {
  return (graph, { name, source, target }) => {
    const parameters = quantizationParameters(graph, name, [encoding], storage, []);
    const clipped = storage.saturates ? source : derived(graph, source, 'clipped', source.type);
    const quantized = derived(graph, { name }, 'quantized', source.type && { ...source.type, dtype: storage.dtype });
    return [
      ...(storage.saturates ? [] : [clipSpec(graph, name, source, clipped, encoding)]),
      { opType: 'QuantizeLinear', name: `${name}_QuantizeLinear`, inputs: [clipped, ...parameters], outputs: [quantized] },
      { opType: 'DequantizeLinear', name: `${name}_DequantizeLinear`, inputs: [quantized, ...parameters], outputs: [target] },
    ];
  };
}

function clipSpec(graph: Graph, name: string, source: Value, clipped: Value, encoding: Encoding): NodeSpec {
  const [low, high] = [encoding.offset, encoding.offset + steps(encoding.grid)]
    .map((code, i) => addInitializer(graph, `${name}_${i === 0 ? 'min' : 'max'}`, scalar(code * scaleOf(encoding))));
  return { opType: 'Clip', name: `${name}_Clip`, inputs: [source, low!, high!], outputs: [clipped] };
}

/**
 * `round(x / scale)`, clipped to the grid, times `scale`, in float64: for grids of more than 16 bits, which no integer type of the operators
 * holds, and where a float32 quotient would be wrong by a step and more. A zero keeps the sign of what was rounded.
 */
export function wideChain(encoding: Encoding): Chain {
  return (graph, { name, source, target }) => {
    const constant = (suffix: string, value: number) => addInitializer(graph, `${name}_${suffix}`, { dtype: 'float64', dims: [], data: Float64Array.of(value) });
    const scale = constant('scale', scaleOf(encoding));
    const [wide, scaled, rounded, code, real] = ['wide', 'scaled', 'rounded', 'code', 'real']
      .map(suffix => derived(graph, { name }, suffix, source.type && { ...source.type, dtype: 'float64' })) as [Value, Value, Value, Value, Value];
    const ends = [constant('lowest', encoding.offset), constant('highest', encoding.offset + steps(encoding.grid))];
    return [
      castSpec(`${name}_Widen`, source, wide, 'float64'),
      { opType: 'Div', name: `${name}_Div`, inputs: [wide, scale], outputs: [scaled] },
      { opType: 'Round', name: `${name}_Round`, inputs: [scaled], outputs: [rounded] },
      { opType: 'Clip', name: `${name}_Clip`, inputs: [rounded, ...ends], outputs: [code] },
      { opType: 'Mul', name: `${name}_Mul`, inputs: [code, scale], outputs: [real] },
      castSpec(`${name}_Narrow`, real, target, 'float32'),
    ];
  };
}

/** To a floating-point format of 16 bits and back. */
export function castChain(format: 'float16' | 'bfloat16'): Chain {
  return (graph, { name, source, target }) => {
    const narrow = derived(graph, { name }, format, source.type && { ...source.type, dtype: format });
    return [castSpec(`${name}_Narrow`, source, narrow, format), castSpec(`${name}_Widen`, narrow, target, 'float32')];
  };
}

/** ONNX's numbers of the element types that a Cast here is to. */
const TYPE_CODES = { float32: 1, float16: 10, float64: 11, bfloat16: 16 } as const;

export function castSpec(name: string, source: Value, target: Value, to: keyof typeof TYPE_CODES): NodeSpec {
  return { opType: 'Cast', name, attributes: { to: intAttribute(TYPE_CODES[to]) }, inputs: [source], outputs: [target] };
}

/**
 * Scale and zero point as initializers: scalars, or in the shape `dims`, where `encodings` has one for each element. An engine fuses a
 * pair only where both are scalars. A scalar zero point is one for all that have it.
 */
export function quantizationParameters(graph: Graph, name: string, encodings: readonly Encoding[], storage: Storage, dims: readonly number[]): Value[] {
  const zeroPoints = encodings.map(encoding => toAffine(encoding, storage.lowest).zeroPoint);
  return [
    addInitializer(graph, `${name}_scale`, { dtype: 'float32', dims, data: Float32Array.from(encodings, scaleOf) }),
    dims.length === 0 ? sharedZeroPoint(graph, zeroPoints[0]!, storage.dtype) : addInitializer(graph, `${name}_zero_point`, integers(zeroPoints, dims, storage.dtype)),
  ];
}

function sharedZeroPoint(graph: Graph, zeroPoint: number, dtype: StoredType): Value {
  const name = `zero_point_${dtype}_${zeroPoint}`;
  const there = graph.values.get(name);
  const isIt = there?.initializer?.dtype === dtype && there.initializer.dims.length === 0 && there.initializer.read().data[0] === zeroPoint;
  return isIt ? there : addInitializer(graph, name, integers([zeroPoint], [], dtype));
}

const arrays = { uint4: Uint8Array, int4: Int8Array, uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array, int16: Int16Array, int32: Int32Array } as const;

/** Whole numbers as a tensor of an integer type that holds them. */
export function integers(values: ArrayLike<number>, dims: readonly number[], dtype: StoredType | 'int32'): Tensor {
  return { dtype, dims, data: arrays[dtype].from(values) };
}

const scalar = (value: number): Tensor => ({ dtype: 'float32', dims: [], data: Float32Array.of(value) });

function derived(graph: Graph, { name }: { readonly name: string }, suffix: string, type: ValueType | null): Value {
  const value = addValue(graph, `${name}_${suffix}`);
  value.type = type;
  return value;
}

/** What the readers of a quantized activation may see, the first that there is: a graph output keeps its own name. */
export const dequantizedNames = (tensor: string): readonly string[] => [`${tensor}_dequantized`, `${tensor}_dequantized_0`];
