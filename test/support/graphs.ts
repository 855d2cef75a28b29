import * as assert from 'uvu/assert';

import { halvesFromFloats } from '../../pipeline/base/half.ts';
import { type DType, elementCount, float32Tensor, type Tensor } from '../../pipeline/base/tensor.ts';
import { openEngine, type Feeds } from '../../pipeline/engine/index.ts';
import type { Attribute } from '../../pipeline/graph/attribute.ts';
import { cloneModel } from '../../pipeline/graph/clone.ts';
import { appendNode } from '../../pipeline/graph/edit.ts';
import { Graph, type Model } from '../../pipeline/graph/graph.ts';
import { initializerOf, type Use } from '../../pipeline/graph/node.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { floats } from './random.ts';
import { nearLargest } from './tensors.ts';

type Shape = readonly (number | string | null)[];

export interface NodeLine {
  readonly op: string;
  /** '' where an optional input is absent. */
  readonly in: readonly string[];
  readonly out: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/** A small model, by names. Inputs and outputs are float32 unless they say otherwise. */
export interface ModelSketch {
  readonly inputs?: Readonly<Record<string, Shape | { dtype: DType; shape: Shape }>>;
  readonly weights?: Readonly<Record<string, Tensor>>;
  readonly nodes: readonly NodeLine[];
  readonly outputs: Readonly<Record<string, Shape | { dtype: DType; shape: Shape } | null>>;
  /** Default 17. */
  readonly opset?: number;
}

/** Build a model in memory, as if it had been read. */
export function buildModel({ inputs = {}, weights = {}, nodes, outputs, opset = 17 }: ModelSketch): Model {
  const graph = new Graph();
  graph.name = 'test';
  for (const [name, tensor] of Object.entries(weights)) {
    graph.value(name).initializer = initializerOf(tensor);
    graph.value(name).type = { dtype: tensor.dtype, shape: tensor.dims };
  }
  const declare = (name: string, type: Shape | { dtype: DType; shape: Shape } | null) => {
    const value = graph.value(name);
    if (type !== null) value.type = 'dtype' in type ? type : { dtype: 'float32', shape: type };
    return value;
  };
  for (const [name, type] of Object.entries(inputs)) graph.inputs.push(declare(name, type));
  for (const { op, in: reads, out, name = '', domain = '', attributes = {} } of nodes) {
    const valueOf = (name: string) => name === '' ? null : graph.value(name);
    appendNode(graph, { opType: op, name, domain, attributes, inputs: reads.map(valueOf), outputs: out.map(valueOf) });
  }
  for (const [name, type] of Object.entries(outputs)) graph.outputs.push(declare(name, type));
  return { graph, opsets: new Map([['', opset], ...nodes.flatMap(({ domain }) => domain ? [[domain, 1] as const] : [])]), origin: null };
}

/** A float32 weight with seeded content. */
export function weight(dims: readonly number[], options: { seed?: number; min?: number; max?: number } = {}): Tensor {
  return float32Tensor(dims, floats(elementCount(dims), { min: -1, max: 1, ...options }));
}

/** Seeded values for every input of the model; a free dimension is 2. Integer inputs get 0, 1, 2, 0, … */
export function feedsFor({ graph }: Model, seed = 1): Feeds {
  return Object.fromEntries(graph.inputs.filter(({ initializer }) => initializer === null).map(({ name, type }, at) => {
    const dims = (type?.shape ?? []).map(dim => typeof dim === 'number' ? dim : 2);
    const count = elementCount(dims);
    if (type?.dtype === 'int64') return [name, { dtype: 'int64', dims, data: BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 3)) }];
    const values = floats(count, { seed: seed + at });
    if (type?.dtype === 'float16') return [name, { dtype: 'float16', dims, data: halvesFromFloats(values) }];
    if (type?.dtype === 'float64') return [name, { dtype: 'float64', dims, data: Float64Array.from(values) }];
    return [name, float32Tensor(dims, values)];
  }));
}

/** What onnxruntime-node computes, by default without optimizing. */
export async function runModel(model: Model | Uint8Array, feeds: Feeds, optimize: 'disabled' | 'all' = 'disabled'): Promise<Record<string, Tensor>> {
  const session = await (await openEngine('native')).load(model instanceof Uint8Array ? model : writeModel(model), { optimize });
  try {
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

export interface Expected {
  /** How many rewrites the pass must report. */
  readonly rewrites: number;
  /** Tolerance of the outputs, relative to the largest value of each; 0, the default, asks for the same bits. */
  readonly tolerance?: number;
  readonly feeds?: Feeds;
}

/**
 * Assert what every pass promises: it reports its rewrites, a second run has none, links between nodes and values stay whole, names
 * of inputs and outputs are kept, and onnxruntime computes the same as before. Returns the rewritten copy; `model` is not touched.
 */
export async function equivalent(model: Model, pass: (model: Model) => { rewrites: number }, expected: Expected): Promise<Model> {
  const { rewrites, tolerance = 0, feeds = feedsFor(model) } = expected;
  const before = await runModel(model, feeds);
  const after = cloneModel(model);
  assert.is(pass(after).rewrites, rewrites, 'rewrites');
  checkLinks(after.graph);
  assert.equal(after.graph.inputs.map(({ name }) => name), model.graph.inputs.map(({ name }) => name), 'inputs');
  assert.equal(after.graph.outputs.map(({ name }) => name), model.graph.outputs.map(({ name }) => name), 'outputs');
  sameOutputs(await runModel(after, feeds), before, tolerance);
  assert.is(pass(after).rewrites, 0, 'rewrites of a second run');
  return after;
}

/** Assert that both hold the same tensors: float32 within the tolerance (relative to the largest value), all others exactly. */
export function sameOutputs(actual: Record<string, Tensor>, expected: Record<string, Tensor>, tolerance = 0): void {
  assert.equal(Object.keys(actual), Object.keys(expected));
  for (const [name, { dtype, dims, data }] of Object.entries(expected)) {
    assert.is(actual[name]!.dtype, dtype, `${name}: dtype`);
    assert.equal(actual[name]!.dims, dims, `${name}: dims`);
    if (data instanceof Float32Array) nearLargest(actual[name]!.data as Float32Array, data, tolerance, name);
    else assert.equal(actual[name]!.data, data, name);
  }
}

/** Assert that use-def links agree both ways, that names are keys, and that nodes stand after what they read. */
export function checkLinks(graph: Graph): void {
  const uses = new Map<unknown, Use[]>();
  const seen = new Set();
  for (const node of graph.nodes) {
    for (const value of [...node.inputs, ...node.captures]) {
      if (value?.producer) assert.ok(seen.has(value.producer), `${node.label} stands before ${value.producer.label}, whose '${value.name}' it reads`);
    }
    node.inputs.forEach((value, index) => value && uses.set(value, [...uses.get(value) ?? [], { node, index }]));
    for (const value of node.captures) uses.set(value, [...uses.get(value) ?? [], { node, index: -1 }]);
    for (const value of node.outputs) assert.ok(value === null || value.producer === node, `producer of '${value?.name}'`);
    seen.add(node);
  }
  for (const [name, value] of graph.values) {
    assert.is(value.name, name);
    assert.ok(value.producer === null || seen.has(value.producer), `the producer of '${name}' is in the graph`);
    const expected = uses.get(value) ?? [];
    assert.is(value.uses.length, expected.length, `uses of '${name}'`);
    for (const { node, index } of expected) assert.ok(value.uses.some(use => use.node === node && use.index === index), `'${name}' is used by ${node.label}`);
    uses.delete(value);
  }
  assert.is(uses.size, 0, 'every value that is read is in the graph');
  for (const value of [...graph.inputs, ...graph.outputs]) assert.is(graph.values.get(value.name), value, value.name);
}
