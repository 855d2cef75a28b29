import { QuantpipeError } from '../base/errors.ts';
import type { AttributeProto, FunctionProto, ModelProto, NodeProto } from './messages.ts';
import { changedMessage } from './schema.ts';

/** Functions that call each other deeper than any exporter lets them. */
const DEEPEST = 64;

/**
 * The model with the nodes of its functions in the place of their calls, as engines run it: operators of a function are otherwise those of an unknown
 * domain. What a function computes inside is called `CALL/name`, after the call's node or its first output. Calls in subgraphs stay, and so do those
 * of functions that hold subgraphs, hand on an input as it is, or import other versions of operators than the model does; such a function stays in the model.
 *
 * @throws `model-malformed` for functions that call themselves
 */
export function inlineFunctions(model: ModelProto): ModelProto {
  const functions = new Map(model.functions.map(called => [keyOf(called.domain, called.name, called.overload), called]));
  const versions = new Map(model.opsetImport.map(({ domain, version }) => [domain === 'ai.onnx' ? '' : domain, version]));
  const taken = new Set(namesIn(model));
  const isOpen = (called: FunctionProto): boolean => called.node.every(({ attribute }) => attribute.every(({ g, graphs }) => g === undefined && graphs.length === 0))
    && !called.output.some(name => called.input.includes(name)) && called.opsetImport.every(({ domain, version }) => (versions.get(domain === 'ai.onnx' ? '' : domain) ?? version) === version);
  const inlined = (node: NodeProto, depth: number): NodeProto[] => {
    const called = functions.get(keyOf(node.domain, node.opType, node.overload));
    if (called === undefined || !isOpen(called)) return [node];
    if (depth === DEEPEST) throw new QuantpipeError('model-malformed', `function '${called.name}' of '${called.domain}' calls itself, or functions call each other more than ${DEEPEST} deep`);
    return bodyOf(node, called, taken).flatMap(inner => inlined(inner, depth + 1));
  };
  if (functions.size === 0) return model;
  const node = model.graph!.node.flatMap(node => inlined(node, 0));
  const imports = [...model.functions.filter(isOpen).flatMap(({ opsetImport }) => opsetImport)].filter(({ domain }) => !versions.has(domain === 'ai.onnx' ? '' : domain));
  return changedMessage(model, { graph: changedMessage(model.graph!, { node }), functions: model.functions.filter(called => !isOpen(called)), opsetImport: [...model.opsetImport, ...new Map(imports.map(set => [set.domain, set])).values()] });
}

function keyOf(domain: string, name: string, overload: string): string {
  return JSON.stringify([domain === 'ai.onnx' ? '' : domain, name, overload]);
}

function namesIn({ graph }: ModelProto): string[] {
  const { node, input, initializer, output } = graph!;
  return [...node.flatMap(({ output }) => output), ...[...input, ...initializer, ...output].map(({ name }) => name)];
}

/** The nodes of a function with the values and attributes of one call. */
function bodyOf(call: NodeProto, { node, input, output, attributeProto }: FunctionProto, taken: Set<string>): NodeProto[] {
  const prefix = call.name || call.output.find(name => name !== '') || call.opType;
  const names = new Map<string, string>([['', '']]);
  input.forEach((name, i) => names.set(name, call.input[i] ?? ''));
  output.forEach((name, i) => { if (call.output[i]) names.set(name, call.output[i]!); });
  const renamed = (name: string): string => {
    const known = names.get(name);
    if (known !== undefined) return known;
    const own = unused(`${prefix}/${name}`, taken);
    names.set(name, own);
    return own;
  };
  const given = new Map([...attributeProto, ...call.attribute].map(attribute => [attribute.name, attribute]));
  return node.map(inner => changedMessage(inner, {
    name: inner.name === '' ? '' : `${prefix}/${inner.name}`,
    input: inner.input.map(renamed), output: inner.output.map(renamed),
    attribute: inner.attribute.flatMap(attribute => resolved(attribute, given)),
  }));
}

/** An attribute that stands for one of the call's has its content; where the call has none, and no default, there is none. */
function resolved(attribute: AttributeProto, given: ReadonlyMap<string, AttributeProto>): AttributeProto[] {
  if (attribute.refAttrName === '') return [attribute];
  const content = given.get(attribute.refAttrName);
  return content === undefined ? [] : [changedMessage(content, { name: attribute.name })];
}

function unused(name: string, taken: Set<string>): string {
  let free = name;
  for (let i = 1; taken.has(free); i++) free = `${name}_${i}`;
  taken.add(free);
  return free;
}
