import type { Attribute, Subgraph } from '../graph/attribute.ts';
import { type ExternalFolder, isExternal } from './external-data.ts';
import type { AttributeProto, GraphProto } from './messages.ts';
import { changedMessage, createMessage, isPresent } from './schema.ts';
import { StoredTensor } from './stored-tensor.ts';
import { writeInitializer } from './write-initializer.ts';

/** AttributeProto.AttributeType, as far as it is looked into. */
const types = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8 } as const;

/**
 * The messages that attributes were read from. Attributes are immutable, so one that is still the same object is
 * written as it was, with whatever else its message holds.
 */
const origins = new WeakMap<Attribute, AttributeProto>();

/** How a tensor's content and a subgraph are read. */
export interface AttributeReader {
  readonly folder: ExternalFolder | null;
  readonly subgraph: (proto: GraphProto) => Subgraph;
}

/** @param what how messages call the attribute, as in `attribute 'value' of 'conv1'` */
export function readAttribute(proto: AttributeProto, what: string, reader: AttributeReader): Attribute {
  const attribute = parse(proto, what, reader);
  origins.set(attribute, proto);
  return attribute;
}

function parse(proto: AttributeProto, what: string, { folder, subgraph }: AttributeReader): Attribute {
  if (proto.refAttrName !== '') return { kind: 'other', origin: proto };
  switch (proto.type || guessType(proto)) {
    case types.float: return { kind: 'float', value: proto.f };
    case types.int: return { kind: 'int', value: proto.i };
    case types.string: return { kind: 'string', value: proto.s };
    case types.floats: return { kind: 'floats', value: proto.floats };
    case types.ints: return { kind: 'ints', value: proto.ints };
    case types.strings: return { kind: 'strings', value: proto.strings };
    case types.tensor: return proto.t === undefined ? { kind: 'other', origin: proto } : { kind: 'tensor', value: new StoredTensor(proto.t, what, folder) };
    case types.graph: return proto.g === undefined ? { kind: 'other', origin: proto } : { kind: 'graph', value: subgraph(proto.g) };
  }
  return { kind: 'other', origin: proto };
}

/** The first version of the format had no `type`: the field that is present tells. */
function guessType(proto: AttributeProto): number {
  if (isPresent(proto, 'f')) return types.float;
  if (isPresent(proto, 'i')) return types.int;
  if (isPresent(proto, 's')) return types.string;
  if (proto.t !== undefined) return types.tensor;
  if (proto.g !== undefined) return types.graph;
  if (proto.floats.length > 0) return types.floats;
  if (proto.ints.length > 0) return types.ints;
  return proto.strings.length > 0 ? types.strings : 0;
}

export function writeAttribute(name: string, attribute: Attribute, writeSubgraph: (subgraph: Subgraph) => GraphProto): AttributeProto {
  const origin = origins.get(attribute);
  if (origin !== undefined) return unchanged(origin, name, attribute);
  switch (attribute.kind) {
    case 'float': return createMessage('AttributeProto', { name, type: types.float, f: attribute.value });
    case 'int': return createMessage('AttributeProto', { name, type: types.int, i: attribute.value });
    case 'string': return createMessage('AttributeProto', { name, type: types.string, s: attribute.value });
    case 'floats': return createMessage('AttributeProto', { name, type: types.floats, floats: [...attribute.value] });
    case 'ints': return createMessage('AttributeProto', { name, type: types.ints, ints: [...attribute.value] });
    case 'strings': return createMessage('AttributeProto', { name, type: types.strings, strings: [...attribute.value] });
    case 'tensor': return createMessage('AttributeProto', { name, type: types.tensor, t: writeInitializer('', attribute.value) });
    case 'graph': return createMessage('AttributeProto', { name, type: types.graph, g: writeSubgraph(attribute.value) });
    case 'other': return changedMessage(attribute.origin as AttributeProto, { name });
  }
}

/** The message that the attribute was read from; a tensor that lies in another file is brought in. */
function unchanged(origin: AttributeProto, name: string, attribute: Attribute): AttributeProto {
  const renamed = origin.name === name ? origin : changedMessage(origin, { name });
  if (attribute.kind !== 'tensor' || origin.t === undefined || !isExternal(origin.t)) return renamed;
  return changedMessage(renamed, { t: writeInitializer(origin.t.name, attribute.value) });
}
