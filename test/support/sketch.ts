import { float32Tensor, type Tensor } from '../../pipeline/base/tensor.ts';
import { type Attribute, floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../../pipeline/graph/attribute.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import type { ValueType } from '../../pipeline/graph/node.ts';
import { buildModel, type ModelSketch } from './graphs.ts';

type Plain = number | string | readonly number[] | Attribute;

/** An operator ('domain:Operator' outside the standard one), inputs ('' is an absent one), outputs, attributes. */
export type Line = readonly [op: string, reads: readonly string[], writes: readonly string[], attributes?: Readonly<Record<string, Plain>>];

export interface Sketch {
  /** Default 13. */
  readonly opset?: number;
  readonly inputs?: NonNullable<ModelSketch['inputs']>;
  readonly constants?: Readonly<Record<string, Tensor>>;
  readonly nodes: readonly Line[];
  /** Names of float32 outputs of unknown shape, or types by name. */
  readonly outputs: readonly string[] | OutputTypes;
}

type OutputTypes = Readonly<Record<string, ValueType>>;

/** A model drawn in lines: {@link buildModel}, shorter. Whole numbers among the attributes are ints. Nodes are called Relu_0, Conv_1, … */
export function draw({ opset = 13, inputs = {}, constants = {}, nodes, outputs }: Sketch): Model {
  const types: OutputTypes = Array.isArray(outputs) ? Object.fromEntries(outputs.map(name => [name, { dtype: 'float32', shape: null }])) : outputs;
  const model = buildModel({
    opset, inputs, weights: constants, outputs: Object.fromEntries(Object.keys(types).map(name => [name, null])),
    nodes: nodes.map(([operator, reads, out, attributes = {}], i) => {
      const [op, domain = ''] = operator.split(':').reverse() as [string, string?];
      return { op, domain, name: `${op}_${i}`, in: reads, out, attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, attributeOf(value)])) };
    }),
  });
  for (const value of model.graph.outputs) value.type ??= types[value.name]!;
  return model;
}

function attributeOf(value: Plain): Attribute {
  if (typeof value === 'string') return stringAttribute(value);
  if (typeof value === 'number') return Number.isInteger(value) ? intAttribute(value) : floatAttribute(value);
  return 'kind' in value ? value : intsAttribute(value);
}

/** The operators of a model in order, for asserting what a pass left. */
export function operators({ graph }: Model): string[] {
  return graph.nodes.map(({ opType }) => opType);
}

export function float32(...values: number[]): Tensor {
  return float32Tensor([values.length], Float32Array.from(values));
}

export function int64(...values: number[]): Tensor {
  return { dtype: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) };
}

/** A float32 tensor without dimensions. */
export function scalar(value: number): Tensor {
  return float32Tensor([], Float32Array.of(value));
}
