import { float32Values } from '../base/half.ts';
import { type DType, float32Tensor } from '../base/tensor.ts';
import { type Attribute, intAttribute, intOf } from '../graph/attribute.ts';
import { addValue, insertAfter, insertBefore, replaceUses, setOutput } from '../graph/edit.ts';
import type { Graph, Model } from '../graph/graph.ts';
import { type Initializer, initializerOf, type Node, type Value } from '../graph/node.ts';
import { elementTypeCode, elementTypeOf } from './element-types.ts';
import type { PassResult } from './pass.ts';

const FLOAT32 = elementTypeCode('float32');
/** The attributes that say which type an operator gives. */
const TYPE_ATTRIBUTES = ['to', 'dtype', 'stash_type'];

/**
 * Let a model of half, bfloat or double floats compute in float32, the one type whose tensors are quantized. Its inputs and outputs keep
 * their types.
 *
 * 1. Which types      those of a graph input or output, or of an initializer of two dimensions or more. So the doubles in which
 *                     exporters compute a size or a scale stay doubles.
 * 2. Initializers,    become float32, and so do values of Constant and ConstantOfShape.
 *    attributes
 * 3. Cast, EyeLike    give float32 where they gave such a type.
 * 4. Graph inputs     are cast; what read them reads the Cast. Where only Casts read one, nothing is added.
 * 5. Graph outputs    are computed under a new name, and cast. Where a Cast computes one, it stays as it is.
 *
 * Left alone, whole: a model with a subgraph or an operator of another domain, whose types are not looked into, or with a random
 * operator, which gives other numbers in another type; one that hands a graph input or initializer of such a type out as it is.
 */
export function computeInFloat32({ graph }: Model): PassResult {
  const types = weightTypes(graph);
  if (types.size === 0 || graph.nodes.some(isOpaque) || graph.outputs.some(output => output.producer === null && hasType(output, types))) return { rewrites: 0 };
  let rewrites = 0;
  for (const value of graph.initializers) if (types.has(value.initializer!.dtype)) rewrites += widen(value);
  for (const node of graph.nodes.filter(node => !isLastCast(graph, node))) for (const [name, attribute] of node.attributes) {
    const widened = widenedAttribute(node, name, attribute, types);
    if (widened === null) continue;
    node.attributes.set(name, widened);
    rewrites++;
  }
  for (const value of graph.values.values()) if (!graph.inputs.includes(value) && !graph.outputs.includes(value)) retype(value, types);
  for (const input of graph.inputs) if (hasType(input, types)) rewrites += castInput(graph, input);
  for (const output of graph.outputs) if (hasType(output, types)) rewrites += castOutput(graph, output);
  return { rewrites };
}

function weightTypes({ inputs, outputs, initializers }: Graph): ReadonlySet<DType | 'other'> {
  const weights = initializers.map(({ initializer }) => initializer!).filter(({ dims }) => dims.length >= 2);
  const types = [...[...inputs, ...outputs].map(({ type }) => type?.dtype), ...weights.map(({ dtype }) => dtype)];
  return new Set(types.filter(type => type === 'float16' || type === 'bfloat16' || type === 'float64') as DType[]);
}

const OPAQUE: ReadonlySet<string> = new Set([
  'If', 'Loop', 'Scan', 'SequenceMap', 'Bernoulli', 'Multinomial', 'RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike',
]);

/** Whether what a node computes is more than its operator, its inputs and its attributes say. */
function isOpaque({ domain, opType }: Node): boolean {
  return domain !== '' || OPAQUE.has(opType);
}

function isLastCast({ outputs }: Graph, { opType, outputs: [result] }: Node): boolean {
  return opType === 'Cast' && outputs.includes(result!);
}

function hasType({ type }: Value, types: ReadonlySet<DType | 'other'>): boolean {
  return type !== null && types.has(type.dtype);
}

function retype(value: Value, types: ReadonlySet<DType | 'other'>): void {
  if (hasType(value, types)) value.type = { dtype: 'float32', shape: value.type!.shape };
}

function widen(value: Value): number {
  value.initializer = widened(value.initializer!);
  value.type = { dtype: 'float32', shape: value.initializer.dims };
  return 1;
}

function widened(content: Initializer): Initializer {
  return initializerOf(float32Tensor(content.dims, float32Values(content.read())!));
}

function widenedAttribute(node: Node, name: string, attribute: Attribute, types: ReadonlySet<DType | 'other'>): Attribute | null {
  if (attribute.kind === 'tensor') return types.has(attribute.value.dtype) ? { kind: 'tensor', value: widened(attribute.value) } : null;
  if (attribute.kind !== 'int' || !TYPE_ATTRIBUTES.includes(name)) return null;
  const type = elementTypeOf(intOf(node, name, 0));
  return type !== null && types.has(type) ? intAttribute(FLOAT32) : null;
}

function castInput(graph: Graph, input: Value): number {
  const first = graph.nodes.find(node => node.inputs.includes(input));
  if (first === undefined || input.uses.every(({ node }) => node.opType === 'Cast')) return 0;
  const inside = addFloat32(graph, input);
  replaceUses(input, inside);
  insertBefore(graph, first, { opType: 'Cast', name: `${input.name}_to_float32`, attributes: { to: intAttribute(FLOAT32) }, inputs: [input], outputs: [inside] });
  return 1;
}

function castOutput(graph: Graph, output: Value): number {
  const { producer, type } = output;
  if (isLastCast(graph, producer!)) return 0;
  const inside = addFloat32(graph, output);
  replaceUses(output, inside);
  setOutput(producer!, producer!.outputs.indexOf(output), inside);
  const attributes = { to: intAttribute(elementTypeCode(type!.dtype)) };
  insertAfter(graph, producer!, { opType: 'Cast', name: `${output.name}_from_float32`, attributes, inputs: [inside], outputs: [output] });
  return 1;
}

/** The float32 values of a graph input or output, under a name of their own. */
function addFloat32(graph: Graph, { name, type }: Value): Value {
  const inside = addValue(graph, `${name}_float32`);
  inside.type = { dtype: 'float32', shape: type!.shape };
  inside.formerName = name;
  return inside;
}
