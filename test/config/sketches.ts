import { describePlacement } from '../../pipeline/config/describe-placement.ts';
import { parseConfig } from '../../pipeline/config/parse-config.ts';
import { placeQuantizers, type PlacementOptions } from '../../pipeline/config/place-quantizers.ts';
import type { Placement } from '../../pipeline/config/placement.ts';
import { buildModel, type ModelSketch, type NodeLine } from '../support/graphs.ts';

/** A configuration with every section empty. */
export const EMPTY = { defaults: { ops: {}, params: {} }, params: {}, op_type: {}, supergroups: [], model_input: {}, model_output: {} };

/** What most cases start from: outputs and graph inputs on, parameters on and symmetric, biases off. */
export const USUAL = {
  ...EMPTY,
  defaults: { ops: { is_output_quantized: 'True' }, params: { is_quantized: 'True', is_symmetric: 'True' } },
  params: { bias: { is_quantized: 'False' } },
  model_input: { is_input_quantized: 'True' },
};

/** `usual` with a few sections replaced. */
export function usualBut(sections: object): object {
  return { ...USUAL, ...sections };
}

export function place(sketch: ModelSketch, config: object = USUAL, options: PlacementOptions = {}): Placement {
  return placeQuantizers(buildModel(sketch), parseConfig(config, 'the test'), options);
}

/** A node with one output. */
export function node(op: string, inputs: readonly string[], output: string, attributes: NodeLine['attributes'] = {}): NodeLine {
  return { op, in: inputs, out: [output], attributes };
}

/** The quantizers, one short line each: `y activation 8 asymmetric`, `w weight 8 symmetric channel 0`, `z activation 8 asymmetric = y`. */
export function lines(placement: Placement): string[] {
  return describePlacement(placement).map(({ tensor, kind, bitwidth, symmetry, granularity, sharedWith }) =>
    [tensor, kind, bitwidth, symmetry, ...(granularity === 'tensor' ? [] : [granularity]), ...(sharedWith === '' ? [] : ['=', sharedWith])].join(' '));
}

/** The names of the tensors that have a quantizer. */
export function tensors(placement: Placement): string[] {
  return placement.quantizers.map(({ tensor }) => tensor);
}

export function ruleOf(placement: Placement, tensor: string): string | undefined {
  return placement.quantizers.find(quantizer => quantizer.tensor === tensor)?.rule.path;
}
