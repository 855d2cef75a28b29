// Parquet's hybrid of runs and bit-packed groups: levels, dictionary indices, booleans.
// https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE

/** Bits that hold the numbers 0 to `most`. */
export function bitsFor(most: number): number {
  return 32 - Math.clz32(most);
}

/** Reads numbers of `width` bits in pieces: a run of any length takes no room. */
export class HybridNumbers {
  readonly #bytes: Uint8Array;
  readonly #width: number;
  #at = 0;
  /** What is left of the run or group that was begun: a value, or where its bits are. */
  #left = 0;
  #run: number | null = null;
  #bit = 0;

  constructor(bytes: Uint8Array, width: number) {
    if (width > 32) throw new RangeError(`numbers of ${width} bits`);
    this.#bytes = bytes;
    this.#width = width;
  }

  /** @throws RangeError where the bytes end before the numbers do */
  take(count: number): Int32Array {
    const numbers = new Int32Array(count);
    for (let filled = 0; filled < count;) {
      if (this.#left === 0) this.#begin();
      const taken = Math.min(this.#left, count - filled);
      if (this.#run !== null) numbers.fill(this.#run, filled, filled + taken);
      else this.#bit = unpack(this.#bytes, this.#bit, this.#width, numbers.subarray(filled, filled + taken));
      filled += taken;
      this.#left -= taken;
    }
    return numbers;
  }

  #begin(): void {
    const header = varint(() => this.#byte());
    this.#run = null;
    if ((header & 1) === 0) {
      this.#left = header >>> 1;
      this.#run = 0;
      for (let shift = 0; shift < this.#width; shift += 8) this.#run |= this.#byte() << shift;
    } else {
      this.#left = (header >>> 1) * 8;
      this.#bit = this.#at * 8;
      this.#at += (header >>> 1) * this.#width;
    }
    if (this.#left === 0) throw new RangeError('a run of no numbers');
  }

  #byte(): number {
    if (this.#at >= this.#bytes.length) throw new RangeError('the bytes end before the numbers do');
    return this.#bytes[this.#at++]!;
  }
}

/** An unsigned LEB128 number of at most 32 bits. */
export function varint(next: () => number): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = next();
    value |= (byte & 127) << shift;
    if (byte < 128) return value >>> 0;
  }
  throw new RangeError('a number of more than 32 bits');
}

/** Numbers of `width` bits from `bit` on, the lowest bit first; gives the bit after them. */
function unpack(bytes: Uint8Array, bit: number, width: number, out: Int32Array): number {
  const end = bit + out.length * width;
  if (end > bytes.length * 8) throw new RangeError(`${bytes.length} bytes do not hold ${out.length} numbers of ${width} bits`);
  for (let i = 0; i < out.length; i++) {
    let value = 0;
    for (let got = 0; got < width;) {
      const inByte = bit & 7, taken = Math.min(8 - inByte, width - got);
      value |= ((bytes[bit >> 3]! >> inByte) & ((1 << taken) - 1)) << got;
      got += taken;
      bit += taken;
    }
    out[i] = value;
  }
  return end;
}
