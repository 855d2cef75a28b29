import type { Tensor } from '../base/tensor.ts';
import { removeNode, setInput } from '../graph/edit.ts';
import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import { roundHalfEven } from '../quant/stored.ts';

/** A range of real values. */
interface Bounds { readonly min: number; readonly max: number }

/**
 * Take away every Relu and Clip between an operator and the QuantizeLinear that follows it, where the quantizer clips there
 * anyway: where both bounds fall on the grid's first and last code or beyond. Every code stays what it was, and the engine can
 * merge the operator with its quantizer.
 *
 * Left alone: bounds inside the grid, bounds that are not constant, results that something else reads too, and a clip of what was
 * dequantized just before: without it two quantizers would meet, which onnxruntime makes one of (at every level, whatever is
 * asked), so that the first no longer rounds.
 */
export function dropRedundantClips(graph: Graph): { rewrites: number } {
  let rewrites = 0;
  for (const quantize of graph.nodes.filter(({ opType }) => opType === 'QuantizeLinear')) {
    for (let clip = redundantClip(graph, quantize); clip !== null; clip = redundantClip(graph, quantize)) {
      setInput(quantize, 0, clip.inputs[0]!);
      removeNode(graph, clip);
      rewrites++;
    }
  }
  return { rewrites };
}

function redundantClip(graph: Graph, quantize: Node): Node | null {
  const [source] = quantize.inputs;
  const clip = source?.producer;
  if (!source || !clip || clip.domain !== '' || source.uses.length !== 1 || graph.outputs.includes(source)) return null;
  if (clip.inputs[0]?.producer?.opType === 'DequantizeLinear') return null;
  const bounds = boundsOf(clip);
  return bounds !== null && isRedundant(bounds, quantize) ? clip : null;
}

function boundsOf({ opType, inputs }: Node): Bounds | null {
  if (opType === 'Relu') return { min: 0, max: Infinity };
  if (opType !== 'Clip') return null;
  const min = boundOf(inputs[1], -Infinity), max = boundOf(inputs[2], Infinity);
  return min !== null && max !== null && min <= max ? { min, max } : null;
}

function boundOf(value: Value | null | undefined, absent: number): number | null {
  if (!value) return absent;
  return value.initializer === null ? null : numbers(value.initializer.read())[0] ?? null;
}

/** Whether clipping first changes no code of a uint8 or uint16 quantizer per tensor. */
function isRedundant({ min, max }: Bounds, { inputs: [, scale, zeroPoint] }: Node): boolean {
  if (!scale?.initializer || !zeroPoint?.initializer) return false;
  const zero = zeroPoint.initializer.read();
  const highest = { uint8: 255, uint16: 65_535 }[zero.dtype as string];
  if (highest === undefined || scale.initializer.dims.length > 0) return false;
  const code = (bound: number) => roundHalfEven(Math.fround(bound / numbers(scale.initializer!.read())[0]!)) + numbers(zero)[0]!;
  return code(min) <= 0 && code(max) >= highest;
}

const numbers = ({ data }: Tensor): number[] => Array.from(data as Uint8Array);
