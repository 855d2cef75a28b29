import type { Tensor } from '../base/tensor.ts';
import type { EncodingTable } from '../config/placement.ts';
import { check } from '../base/check.ts';
import { addInitializer, addValue, insertAfter, insertBefore, type NodeSpec, replaceUses, setOutput } from '../graph/edit.ts';
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

/** The operators between `source` and `target`, in order. Made by functions below, for one encoding. */
type Chain = (graph: Graph, cut: Cut) => NodeSpec[];

/**
 * Put a quantizer on a tensor that a node computes or that feeds the graph: one for all its readers. A graph output keeps its
 * name (what is computed gets another one). Left alone: a tensor that nobody reads, and one with several encodings, which data
 * movement made of a constant that lies on its grid already.
 */
export function insertQuantizer(graph: Graph, value: Value, encodings: readonly Encoding[], chainOf: (encoding: Encoding) => Chain): void {
  if (encodings.length > 1) return;
  const isOutput = graph.outputs.includes(value);
  if (isOutput ? value.producer === null : value.uses.length === 0) return;
  const cut = isOutput ? cutOutput(graph, value) : cutInside(graph, value);
  let last: Node | null = cut.source.producer;
  const first = last === null ? firstReader(graph, cut.target) : null;
  for (const spec of chainOf(encodings[0]!)(graph, cut)) {
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
    const parameters = quantizationParameters(graph, name, [encoding], storage, null);
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

/** `round(x / scale)`, clipped to the grid, times `scale`, in float32: for grids that no integer type of the operators holds. */
export function arithmeticChain(encoding: Encoding): Chain {
  return (graph, { name, source, target }) => {
    const constant = (suffix: string, value: number) => addInitializer(graph, `${name}_${suffix}`, scalar(value));
    const scale = constant('scale', scaleOf(encoding));
    const [scaled, rounded, code] = ['scaled', 'rounded', 'code'].map(suffix => derived(graph, { name }, suffix, source.type)) as [Value, Value, Value];
    const ends = [constant('lowest', encoding.offset), constant('highest', encoding.offset + steps(encoding.grid))];
    return [
      { opType: 'Div', name: `${name}_Div`, inputs: [source, scale], outputs: [scaled] },
      { opType: 'Round', name: `${name}_Round`, inputs: [scaled], outputs: [rounded] },
      { opType: 'Clip', name: `${name}_Clip`, inputs: [rounded, ...ends], outputs: [code] },
      { opType: 'Mul', name: `${name}_Mul`, inputs: [code, scale], outputs: [target] },
    ];
  };
}

/**
 * Scale and zero point as initializers: scalars, or a value per channel where `axis` is given. An engine fuses a pair only
 * where both are scalars.
 */
export function quantizationParameters(graph: Graph, name: string, encodings: readonly Encoding[], storage: Storage, axis: number | null): Value[] {
  const dims = axis === null ? [] : [encodings.length];
  const zeroPoints = encodings.map(encoding => toAffine(encoding, storage.lowest).zeroPoint);
  return [
    addInitializer(graph, `${name}_scale`, { dtype: 'float32', dims, data: Float32Array.from(encodings, scaleOf) }),
    addInitializer(graph, `${name}_zero_point`, integers(zeroPoints, dims, storage.dtype)),
  ];
}

const arrays = { uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array, int16: Int16Array, int32: Int32Array } as const;

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

/** What the readers of a quantized activation see; a graph output keeps its own name. */
export const dequantizedName = (tensor: string): string => `${tensor}_dequantized`;
