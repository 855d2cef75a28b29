import type { Tensor } from '../base/tensor.ts';
import { removeNode, setInput } from '../graph/edit.ts';
import type { Graph } from '../graph/graph.ts';
import type { Node, Use, Value } from '../graph/node.ts';
import { roundHalfEven } from '../quant/stored.ts';

/** A range of real values. */
interface Bounds { readonly min: number; readonly max: number }

/**
 * Take away every Relu and Clip between an operator and the quantizers that follow it, where these clip there anyway: where both bounds
 * fall on the grid's first and last code or beyond, or on the ends of a quantizer's own Clip or beyond. Every code stays what it was, and the
 * engine can merge the operator with its quantizer.
 *
 * Left alone: bounds inside the grid, bounds that are not constant, results that something else reads too, and a clip of what was
 * dequantized just before: without it two quantizers would meet, which onnxruntime makes one of (at every level, whatever is
 * asked), so that the first no longer rounds.
 */
export function dropRedundantClips(graph: Graph): { rewrites: number } {
  let rewrites = 0;
  for (const clip of graph.nodes.filter(isClip).reverse()) { // the last of a chain first: then the one before it meets the quantizer
    if (!isRedundant(graph, clip)) continue;
    for (const { node, index } of [...clip.outputs[0]!.uses]) setInput(node, index, clip.inputs[0]!);
    removeNode(graph, clip);
    rewrites++;
  }
  return { rewrites };
}

const isClip = ({ domain, opType }: Node): boolean => domain === '' && (opType === 'Relu' || opType === 'Clip');

function isRedundant(graph: Graph, clip: Node): boolean {
  const [result] = clip.outputs;
  if (clip.inputs[0]?.producer?.opType === 'DequantizeLinear') return false;
  const bounds = boundsOf(clip);
  if (!result || bounds === null || result.uses.length === 0 || graph.outputs.includes(result)) return false;
  return result.uses.every(use => clipsAnyway(use, bounds));
}

function clipsAnyway({ node, index }: Use, bounds: Bounds): boolean {
  if (index !== 0 || node.domain !== '') return false;
  if (node.opType === 'QuantizeLinear') return coversCodes(bounds, node);
  const own = isClip(node) ? boundsOf(node) : null;
  return own !== null && bounds.min <= own.min && own.max <= bounds.max;
}

function boundsOf({ opType, inputs }: Node): Bounds | null {
  if (opType === 'Relu') return { min: 0, max: Infinity };
  const min = boundOf(inputs[1], -Infinity), max = boundOf(inputs[2], Infinity);
  return min !== null && max !== null && min <= max ? { min, max } : null;
}

function boundOf(value: Value | null | undefined, absent: number): number | null {
  if (!value) return absent;
  return value.initializer === null ? null : numbers(value.initializer.read())[0] ?? null;
}

/** First and last integer of the types that a QuantizeLinear saturates to. */
const typeEnds: Readonly<Record<string, readonly [lowest: number, highest: number]>> = {
  uint4: [0, 15], int4: [-8, 7], uint8: [0, 255], int8: [-128, 127], uint16: [0, 65_535], int16: [-32_768, 32_767],
};

/** Whether clipping first changes no code of a quantizer per tensor. */
function coversCodes({ min, max }: Bounds, { inputs: [, scale, zeroPoint] }: Node): boolean {
  if (!scale?.initializer || !zeroPoint?.initializer) return false;
  const zero = zeroPoint.initializer.read();
  const ends = typeEnds[zero.dtype];
  if (ends === undefined || scale.initializer.dims.length > 0) return false;
  const code = (bound: number) => roundHalfEven(Math.fround(bound / numbers(scale.initializer!.read())[0]!)) + numbers(zero)[0]!;
  return code(min) <= ends[0] && code(max) >= ends[1];
}

const numbers = ({ data }: Tensor): number[] => Array.from(data as Uint8Array);
