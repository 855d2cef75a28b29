/** Names that differ by more than this share of their length are not suggested: they would be guesses. */
const LARGEST_DIFFERENCE = 0.4;

/** `; did you mean 'x'?` for the candidate that is nearest to a mistyped name, or nothing where none is near. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  let nearest = '';
  let distance = Math.floor(LARGEST_DIFFERENCE * name.length) + 1;
  for (const candidate of candidates) {
    const apart = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (apart < distance) [nearest, distance] = [candidate, apart];
  }
  return nearest === '' ? '' : `; did you mean '${nearest}'?`;
}

/** How many letters must be inserted, removed, replaced or swapped with their neighbour to make one name of the other (Damerau, no letter touched twice). */
function editDistance(a: string, b: string): number {
  let twoAbove: readonly number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      line.push(Math.min(replaced, above[column]! + 1, line[column - 1]! + 1, isSwap ? twoAbove[column - 2]! + 1 : Infinity));
    }
    [twoAbove, above] = [above, line];
  }
  return above[b.length]!;
}
