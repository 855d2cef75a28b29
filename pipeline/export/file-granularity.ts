import { constantParameters } from '../config/params.ts';
import type { Quantizer } from '../config/placement.ts';
import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import { axisIn, type Granularity, PER_TENSOR } from '../quant/granularity.ts';
import type { FileEntry, FileLayout } from './encodings-file.ts';

type IntegerEntry = FileEntry & { readonly kind: 'integer' };

/**
 * The granularity that an entry of a file has in the model. Axes that the file leaves out are those of the placement, or else of the operator
 * that reads the tensor.
 *
 * @throws QuantpipeError `encodings-invalid` where the numbers of channels, blocks and encodings do not fit, with all of them
 */
export function granularityOf(graph: Graph, { tensor, granularity }: Quantizer, entry: IntegerEntry): Granularity {
  if (entry.layout.kind === 'tensor') return PER_TENSOR;
  const value = graph.values.get(tensor)!;
  if (value.initializer === null) throw entry.place.error(`'${tensor}' is computed, and has one encoding; the file has ${entry.encodings.length}`);
  return entry.layout.kind === 'channel' ? byChannel(value, granularity, entry, entry.layout) : byBlock(value, granularity, entry, entry.layout);
}

function byChannel(value: Value, placed: Granularity, { place, encodings }: IntegerEntry, { axis: inFile }: FileLayout & { kind: 'channel' }): Granularity {
  const { dims } = value.initializer!;
  const axis = inFile ?? channelAxisIn(value, placed);
  if (axis === null) throw place.error(`'${value.name}' has ${encodings.length} encodings in the file, and in this configuration no operator that reads it has channels: name the one the file was made with`);
  const channels = dims.at(axis);
  if (channels !== encodings.length) {
    throw place.error(`'${value.name}' has ${encodings.length} encodings in the file and ${channels ?? 'no'} channels along dimension ${axis} in the model, ` +
      `where its shape is [${dims.join(', ')}]`);
  }
  return { kind: 'channel', axis };
}

function byBlock(value: Value, placed: Granularity, { place, encodings }: IntegerEntry, layout: FileLayout & { kind: 'block' }): Granularity {
  const { dims } = value.initializer!;
  const axis = layout.axis ?? (placed.kind === 'block' ? placed.axis : axisOf(value, 'blockAxis'));
  const channelAxis = layout.channelAxis ?? channelAxisIn(value, placed);
  if (axis === null || channelAxis === null) throw place.error(`'${value.name}' has blocks in the file, and no operator that reads it has input and output channels`);
  const [along, across] = [dims.at(axis) ?? 0, dims.at(channelAxis) ?? 0];
  if (along * across !== layout.blockSize * encodings.length || along % layout.blockSize !== 0) {
    throw place.error(`'${value.name}' has ${encodings.length} blocks of ${layout.blockSize} in the file; in the model its shape is [${dims.join(', ')}], ` +
      `with ${across} channels along dimension ${channelAxis} and ${along} elements along dimension ${axis}`);
  }
  return { kind: 'block', axis, blockSize: layout.blockSize, channelAxis, decompressedBitwidth: layout.decompressedBitwidth };
}

function channelAxisIn(value: Value, placed: Granularity): number | null {
  return placed.kind === 'channel' ? placed.axis : placed.kind === 'block' ? placed.channelAxis : axisOf(value, 'channelAxis');
}

/** The axis that the first operator with such channels gives a parameter. */
function axisOf(value: Value, which: 'channelAxis' | 'blockAxis'): number | null {
  for (const { node } of value.uses) {
    const axis = axisAt(node, value, which);
    if (axis !== null) return axisIn(value.initializer!.dims, axis);
  }
  return null;
}

function axisAt(node: Node, value: Value, which: 'channelAxis' | 'blockAxis'): number | null {
  const parameter = constantParameters(node).find(found => found.value === value)?.parameter;
  return parameter?.[which]?.(node, value.initializer!.dims.length) ?? null;
}
