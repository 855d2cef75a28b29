import { floatOf, stringOf } from '../graph/attribute.ts';
import { scalarOf } from '../graph/match.ts';
import type { Node, Value } from '../graph/node.ts';

/** Always, or only for the nodes that satisfy a condition. */
type When = (node: Node) => boolean;
const always: When = () => true;

/**
 * Operators whose outputs hold only values of their first input (or zero, which every encoding has). An output shares the encoding of that
 * input: what went in as a code comes out as the same code, so it is neither observed nor searched. AIMET's list of grid-preserving
 * operators, but for Col2Im, which adds where blocks overlap; with the exact cases of Pad and Resize, and a few it leaves out.
 */
const GRID_PRESERVING: ReadonlyMap<string, When> = new Map<string, When>([
  ...['CenterCropPad', 'Compress', 'DepthToSpace', 'Dropout', 'Expand', 'Flatten', 'Gather', 'GatherElements', 'GatherND', 'GlobalMaxPool', 'Identity',
    'MaxPool', 'MaxRoiPool', 'MaxUnpool', 'ReduceMax', 'ReduceMin', 'Reshape', 'ReverseSequence', 'Slice', 'SpaceToDepth', 'Split', 'Squeeze', 'Tile', 'TopK',
    'Transpose', 'Trilu', 'Unsqueeze'].map(opType => [opType, always] as const),
  ['Pad', padsWithItsOwnValues],
  ['Resize', isNearest],
  ['Upsample', isNearest],
]);

/** The value whose encoding the outputs of `node` share; null for an operator that computes. */
export function movedInput(node: Node): Value | null {
  const moves = node.domain === '' && (GRID_PRESERVING.get(node.opType)?.(node) ?? false);
  return moves ? node.inputs[0] ?? null : null;
}

/** Whether operators of this type move data, whatever their attributes and inputs. */
export function isAlwaysGridPreserving(opType: string): boolean {
  return GRID_PRESERVING.get(opType) === always;
}

/** Whether operators of this type move data, all of them or some. */
export function isGridPreserving(opType: string): boolean {
  return GRID_PRESERVING.has(opType);
}

function padsWithItsOwnValues(node: Node): boolean {
  if (stringOf(node, 'mode', 'constant') !== 'constant') return true;
  const filler = node.inputs[2];
  return !filler || scalarOf(filler) === 0;
}

/** Outside the input, cropping puts a value of its own. */
function isNearest(node: Node): boolean {
  if (stringOf(node, 'mode', 'nearest') !== 'nearest') return false;
  return stringOf(node, 'coordinate_transformation_mode', 'half_pixel') !== 'tf_crop_and_resize' || floatOf(node, 'extrapolation_value', 0) === 0;
}
