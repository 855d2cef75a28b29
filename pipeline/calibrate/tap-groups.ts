/** Consecutive taps: those from `from` to `to` (exclusive). */
export interface TapGroup {
  readonly from: number;
  readonly to: number;
}

/** Cut taps into as few consecutive groups as hold at most `most` bytes each; a tap that is larger stands alone. */
export function groupTaps(bytes: readonly number[], most: number): TapGroup[] {
  const groups: TapGroup[] = [];
  let from = 0, held = 0;
  bytes.forEach((size, i) => {
    if (i > from && held + size > most) {
      groups.push({ from, to: i });
      [from, held] = [i, 0];
    }
    held += size;
  });
  return [...groups, { from, to: bytes.length }];
}
