/**
 * What was seen of one tensor: a log-linear histogram whose bin is the upper 16 bits of the float32, and the exact finite
 * extremes. Plain data that structured clone copies, so the same value crosses threads, merges in the reducer and goes to a file.
 *
 * `bins` holds the used bins only, in ascending order of the values they stand for: negative NaN (0xffff … 0xff81), -Infinity
 * (0xff80), negative values from the largest magnitude to -0 (0x8000), +0 (0x0000) and up, +Infinity (0x7f80), NaN.
 * `counts[i]` is the count of `bins[i]`, never 0.
 *
 * Laws, tested in test/kernels/observe.test.ts: merging with the empty statistics changes nothing; merging is associative and
 * commutative; observing a then b equals merging the statistics of a and of b. All to the bit.
 */
export interface TensorStatistics {
  /** Smallest finite value; +Infinity while there is none. */
  readonly min: number;
  /** Largest finite value; -Infinity while there is none. */
  readonly max: number;
  readonly bins: Uint16Array;
  readonly counts: BigUint64Array;
}
