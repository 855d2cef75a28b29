import { QuantpipeError } from '../base/errors.ts';
import type { AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto } from './messages.ts';
import { readOpsets, standardName } from './opsets.ts';
import { changedMessage } from './schema.ts';
import { definedNames, innerNames, subgraphsOf } from './subgraphs.ts';

/** Functions that call each other deeper than any exporter lets them. */
const DEEPEST = 64;

/**
 * The model with the nodes of its functions in the place of their calls, as engines run it: operators of a function are otherwise those of an unknown
 * domain. What a function computes inside is called `CALL/name`, after the call's node or its first output. Calls in subgraphs stay, and so do those
 * of functions that hold subgraphs, hand on an input as it is, or import other versions of operators than the model does; where a call stays, all functions do.
 *
 * @throws `model-malformed` for functions that call themselves
 */
export function inlineFunctions(model: ModelProto): ModelProto {
  if (model.functions.length === 0) return model;
  const functions = new Map(model.functions.map(called => [keyOf(called.domain, called.name, called.overload), called]));
  const calledBy = ({ domain, opType, overload }: NodeProto) => functions.get(keyOf(domain, opType, overload));
  const opsets = readOpsets(model), taken = takenNames(model.graph!);
  const inlined = (node: NodeProto, depth: number): NodeProto[] => {
    const called = calledBy(node);
    if (called === undefined || !isOpen(called, opsets)) return [node];
    if (depth === DEEPEST) throw new QuantpipeError('model-malformed', `function '${called.name}' of '${called.domain}' calls itself, or functions call each other more than ${DEEPEST} deep`);
    return bodyOf(node, called, taken).flatMap(inner => inlined(inner, depth + 1));
  };
  const node = model.graph!.node.flatMap(node => inlined(node, 0));
  const isLeft = node.flatMap(nodesWithin).some(node => calledBy(node) !== undefined);
  return changedMessage(model, {
    graph: changedMessage(model.graph!, { node }), functions: isLeft ? model.functions : [],
    opsetImport: [...model.opsetImport, ...importsBeside(opsets, model.functions.filter(called => isOpen(called, opsets)))],
  });
}

function keyOf(domain: string, name: string, overload: string): string {
  return JSON.stringify([standardName(domain), name, overload]);
}

function isOpen({ node, input, output, opsetImport }: FunctionProto, opsets: ReadonlyMap<string, number>): boolean {
  return node.every(inner => subgraphsOf(inner).length === 0) && !output.some(name => input.includes(name))
    && opsetImport.every(({ domain, version }) => (opsets.get(standardName(domain)) ?? Number(version)) === Number(version));
}

/** Operator sets that functions import and the model does not. */
function importsBeside(opsets: ReadonlyMap<string, number>, functions: readonly FunctionProto[]): OperatorSetIdProto[] {
  const others = functions.flatMap(({ opsetImport }) => opsetImport).filter(({ domain }) => !opsets.has(standardName(domain)));
  return [...new Map(others.map(set => [set.domain, set])).values()];
}

/** A node and those of its subgraphs, at any depth. */
function nodesWithin(node: NodeProto): NodeProto[] {
  return [node, ...subgraphsOf(node).flatMap(graph => graph.node.flatMap(nodesWithin))];
}

function takenNames(graph: GraphProto): Set<string> {
  return new Set([...definedNames(graph), ...graph.node.flatMap(innerNames)]);
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
