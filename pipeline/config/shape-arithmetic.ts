import type { Value } from '../graph/node.ts';

/** Shape arithmetic is short; so it is not searched for through a whole network. */
const LONGEST = 32;

/**
 * Whether a value follows from shapes alone, such as the square root of a head's width that exporters compute anew each time: it is as good as
 * a constant, and no data.
 *
 * @param known what was found before, kept up to date; in the order of the graph every look is short
 */
export function followsFromShapes(value: Value, known = new Map<Value, boolean>(), length = 0): boolean {
  const { producer } = value;
  if (producer === null || length > LONGEST) return false;
  const before = known.get(value);
  if (before !== undefined) return before;
  const inputs = producer.inputs.filter((input): input is Value => input !== null && input.initializer === null);
  const follows = producer.domain === '' && producer.captures.length === 0
    && (producer.opType === 'Shape' || producer.opType === 'Size' || (inputs.length > 0 && inputs.every(input => followsFromShapes(input, known, length + 1))));
  known.set(value, follows);
  return follows;
}
